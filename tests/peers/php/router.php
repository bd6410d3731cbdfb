<?php
// The parcel register on PHP's SOAP extension: php -S 127.0.0.1:0 router.php
// /literal answers SOAP 1.1 and 1.2 as parcels_literal.wsdl says, /encoded as parcels_encoded.wsdl; ?wsdl gives them.
declare(strict_types=1);

require __DIR__ . '/parcels.php';

const XSD = 'http://www.w3.org/2001/XMLSchema';
// Kinds that the extension would take through an integer or a float of the machine, and so lose digits of.
const AS_WRITTEN = ['integer', 'nonPositiveInteger', 'negativeInteger', 'nonNegativeInteger', 'positiveInteger',
    'unsignedLong'];
const TOLD_WITH_200 = '<?xml version="1.0"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>'
    . '<s:Fault><faultcode>s:Server</faultcode><faultstring>Told with 200.</faultstring></s:Fault></s:Body></s:Envelope>';

/** Fail in the way asked for; what the extension itself sends is left to it. */
function failure(string $kind): never
{
    switch ($kind) {
        case 'client':
            throw new SoapFault('Client', 'The kind of failure asked for is the client\'s.');
        case 'server':
            throw new SoapFault('Server', 'The register is being maintained.', 'urn:beffroi:parcels:actor');
        case 'detail':
            throw unknown_parcel('22214-XX-9999');
        case 'coded':
            throw new SoapFault(['urn:beffroi:parcels:codes', 'Archived'], 'The parcel has gone to the archive.');
        case 'with 200':
            header('Content-Type: text/xml; charset=utf-8');
            exit(TOLD_WITH_200);
        case 'warning':
            header('Content-Type: text/xml; charset=utf-8');
            exit("<br />\n<b>Warning</b>: Undefined variable in <b>register.php</b> on line <b>7</b><br />\n" . TOLD_WITH_200);
        case 'html':
            header('HTTP/1.1 503 Service Unavailable');
            header('Content-Type: text/html; charset=utf-8');
            exit('<!DOCTYPE html><title>503</title><h1>Maintenance</h1>');
        case 'empty':
            exit;
        case 'crash':
            throw new LogicException('a defect of the register');
        default:
            throw new SoapFault('Client', 'No kind of failure is called that.');
    }
}

function unknown_parcel(string $reference): SoapFault
{
    $detail = (object) ['code' => 'PARCEL_UNKNOWN', 'reference' => $reference];
    return new SoapFault('Client', 'No such parcel.', null, $detail, 'ParcelFault');
}

function find(string $reference): stdClass
{
    foreach (parcels() as $parcel) {
        if ($parcel->reference === $reference) {
            return $parcel;
        }
    }
    throw unknown_parcel($reference);
}

function of_commune(string $commune, ?int $limit): array
{
    $found = array_values(array_filter(parcels(), fn ($parcel) => $parcel->commune === $commune));
    return [count($found), array_slice($found, 0, $limit)];
}

final class Literal
{
    public function GetParcel(stdClass $asked): array
    {
        return ['parcel' => self::nested(find($asked->reference))];
    }

    public function FindParcels(stdClass $asked): array
    {
        [$total, $found] = of_commune($asked->commune, $asked->limit ?? null);
        return ['total' => $total, 'parcel' => array_map(self::nested(...), $found)];
    }

    public function Echo(stdClass $asked): stdClass
    {
        return $asked;
    }

    public function Fail(stdClass $asked): never
    {
        failure($asked->kind);
    }

    /** Put lists inside the elements that hold them here; owners are copied, or PHP would write id and href. */
    private static function nested(stdClass $parcel): stdClass
    {
        $parcel->owners = ['owner' => array_map(fn ($owner) => clone $owner, $parcel->owners)];
        $parcel->building = $parcel->buildings;
        foreach ($parcel->building as $building) {
            if (isset($building->floors)) {
                $building->floors = ['floor' => $building->floors];
            }
        }
        return $parcel;
    }
}

final class Encoded
{
    public function GetParcel(string $reference): stdClass
    {
        return find($reference);
    }

    public function FindParcels(string $commune, int $limit): array
    {
        [$total, $found] = of_commune($commune, $limit);
        return ['total' => $total, 'parcels' => $found];
    }

    public function Echo(stdClass $everything): stdClass
    {
        return $everything;
    }

    public function Fail(string $kind): never
    {
        failure($kind);
    }
}

function as_written(string $kind): array
{
    return [
        'type_ns' => XSD,
        'type_name' => $kind,
        'from_xml' => fn (string $xml) => trim(strip_tags($xml)),
        'to_xml' => fn (string $text) => "<$kind>$text</$kind>",
    ];
}

$kind = ltrim(parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH), '/');
$wsdl = __DIR__ . "/parcels_$kind.wsdl";
if (!in_array($kind, ['literal', 'encoded'], true)) {
    http_response_code(404);
} elseif ($_SERVER['REQUEST_METHOD'] === 'GET') {
    header('Content-Type: text/xml; charset=utf-8');
    echo str_replace('http://127.0.0.1/', "http://{$_SERVER['HTTP_HOST']}/", file_get_contents($wsdl));
} else {
    $server = new SoapServer($wsdl, ['cache_wsdl' => WSDL_CACHE_NONE, 'typemap' => array_map(as_written(...), AS_WRITTEN)]);
    $server->setClass($kind === 'literal' ? Literal::class : Encoded::class);
    $server->handle();
}
