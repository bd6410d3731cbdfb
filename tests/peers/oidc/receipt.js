// Verifies a receipt with npm `jose` and Node's own crypto, as an application elsewhere would: JSON in, JSON out.
import { createHash, createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const path = createRequire(`${process.argv[2]}/`).resolve("jose");
const { compactVerify, createLocalJWKSet } = await import(pathToFileURL(path));

// RFC 8785: keys sorted by UTF-16 code units, everything else as ECMAScript writes it.
const canonical = (value) =>
  Array.isArray(value)
    ? `[${value.map(canonical)}]`
    : value !== null && typeof value === "object"
      ? `{${Object.keys(value).sort().map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`)}}`
      : JSON.stringify(value);

const { receipt, keys, identifier, data } = JSON.parse(readFileSync(0, "utf8"));
const [jws, ...parts] = receipt.split("~");
const salt = parts.at(-1);
const keyed = (text) => createHmac("sha256", Buffer.from(salt, "hex")).update(text).digest("hex");
const read = (bytes) => JSON.parse(new TextDecoder().decode(bytes));
try {
  const found = await compactVerify(jws, createLocalJWKSet(keys), { algorithms: ["EdDSA"] });
  const said = read(found.payload);
  let claims = said; // as receipts of the first form have them
  if (found.protectedHeader.typ === "beffroi-receipt+sd-jwt") {
    const digest = createHash("sha256").update(parts[0]).digest("base64url");
    if (!said._sd.includes(digest)) throw Object.assign(new Error(), { code: "another's" });
    claims = read(Buffer.from(parts[0], "base64url"))[2];
  }
  const told = { claims, header: found.protectedHeader, identifier: claims.identifier === keyed(identifier) };
  console.log(JSON.stringify({ ...told, data: data ? claims.data === keyed(canonical(data)) : claims.data === null }));
} catch (error) {
  console.log(JSON.stringify({ error: error.code }));
}
