// What an application in TypeScript asks; `gateway.d.ts` is made of the gateway's own description. Told as one JSON.
import createClient from "openapi-fetch";
import type { components, paths } from "./gateway.js";

type Schemas = components["schemas"];

const headers = {
  Authorization: `Bearer ${process.env.TOKEN}`,
  "Beffroi-Purpose": "inscription-scolaire",
  "Beffroi-Agent": "c.martin",
  "Beffroi-Case": "2026-0142",
};
const querySerializer = { array: { style: "form", explode: false } } as const; // as the description says of fields
const gateway = createClient<paths>({ baseUrl: process.env.URL!, headers, querySerializer });

// CSV and NDJSON, which may be asked for as well, are texts.
function known<T>(answer: { data?: T; error?: unknown }): Exclude<T, string | undefined> {
  if (answer.data === undefined || typeof answer.data === "string") throw new Error(JSON.stringify(answer.error));
  return answer.data as Exclude<T, string | undefined>;
}

const path = { identifier: "insee:01004" };
const fields: (keyof Schemas["CommuneGranted"])[] = ["name", "population"];
const commune = known(await gateway.GET("/lookups/commune/{identifier}", { params: { path, query: { fields } } }));
const name: string | undefined = commune.data.name;
const source: string = commune.meta.source;

const asked: Schemas["PersonQuestion"] = {
  identifier: "nir:180050100400037",
  verify: { birth_name: "Lefevre" },
};
const person = known(await gateway.POST("/lookups/person", { body: asked }));
const match = "verified" in person ? person.verified["birth_name"]?.match : undefined;

const identifiers = ["01004", "no-such-number"];
const many = known(await gateway.POST("/lookups/commune", { body: { identifiers } }));
const outcomes = "data" in many && Array.isArray(many.data) ? many.data.map((row) => row.outcome) : [];

const both = known(
  await gateway.POST("/lookups", {
    body: [
      { lookup: "commune", identifier: "01004", fields: ["name"] },
      { lookup: "person", identifier: "nir:180050100400037", fields: ["sex"] },
    ],
  }),
);
const statuses: number[] = both.data.map((outcome) => outcome.status);

const refused = await gateway.GET("/lookups/commune/{identifier}", {
  params: { path: { identifier: "1" }, header: { "Accept-Language": "fr" } },
});
const problem: Schemas["Problem"] | undefined = refused.error;

const rows = known(
  await gateway.GET("/datasets/{name}/rows", { params: { path: { name: "things" }, query: { limit: 2 } } }),
);

// @ts-expect-error  what is no field of a commune is found before anybody is asked
const wrong: typeof fields = ["no_such_field"];

const next: string | null = rows.links.next;

const told = { name, source, match, outcomes, partial: both.meta.partial, statuses, rows: rows.data.length, more: next !== null };
console.log(JSON.stringify({ ...told, problem: [problem?.type, problem?.title, problem?.fault], wrong: wrong.length }));
