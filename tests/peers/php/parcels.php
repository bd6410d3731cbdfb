<?php
// What the register holds, in the form that both WSDLs share: a list is an array, an absent value no property.
declare(strict_types=1);

function owner(string $name, string $kind, string $share, ?string $since): stdClass
{
    return (object) ['name' => $name, 'kind' => $kind, 'share' => $share, 'since' => $since];
}

/** Return the three parcels of the register; two of them have the very same owner, one object. */
function parcels(): array
{
    $commune = owner('Commune de Plouézec', 'commune', '1', null);
    return [
        (object) [
            'reference' => '22214-AB-0001', 'commune' => '22214', 'number' => 1, 'area' => '1250.50', 'built' => true,
            'surveyed' => '1998-05-04', 'updated' => '2024-03-31T02:30:00.125+02:00', 'note' => 'Façade & <cour>',
            'owners' => [
                owner('LE GOFF Maëlle', 'person', '0.3333333333333333333', '2001-02-28'),
                owner('SCI "Les Ajoncs"', 'company', '0.6666666666666666667', '2010-12-01'),
            ],
            'buildings' => [
                (object) ['use' => 'habitation', 'floors' => ['82.10', '61.00', '0.50']],
                (object) ['use' => 'garage', 'floors' => []],
                (object) ['use' => 'abri'],
            ],
            'plan' => "\x00\x01PLAN\xff",
        ],
        (object) [
            'reference' => '22214-AB-0002', 'commune' => '22214', 'number' => 2, 'area' => '0.00', 'built' => false,
            'updated' => '2023-01-01T00:00:00Z', 'note' => '', 'owners' => [$commune], 'buildings' => [],
        ],
        (object) [
            'reference' => '22214-ZB-0010', 'commune' => '22214', 'number' => 10, 'area' => '9999999999.99',
            'built' => false, 'updated' => '2023-01-01T00:00:00', 'note' => null, 'owners' => [$commune],
            'buildings' => [],
        ],
    ];
}
