"""Every kind of broken declaration: one clear sentence, with the right file and line, and what is allowed."""

import re
import shutil
import stat
from pathlib import Path

import pytest

from connectors.errors import Misconfigured, NotFound
from pipelines.workspace import Workspace
from tests.pipelines import bench as benches
from tests.pipelines.bench import Bench

MAIN = """\
title: Test
registries:
  source: {kind: files, path: source}
  communes:
    kind: api_geo
    url: sandbox:communes
organisations:
  ville:
    title: Ville
    applications:
      mairie:
        title: Mairie
        grants:
          - lookup: commune
            fields: [code, name]
            purposes: [school]
purposes:
  school:
    title: School
    procedure: Enrolment
    legal_basis: Code, L1
lookups:
  commune:
    record: Commune
    providers:
      - registry: communes
      - dataset: communes
publication:
  ckan:
    organisation: ville
"""
COMMUNES = """\
title: Communes
owner: ville
audience: open
licence: LO
record: Commune
source: {registry: communes}
"""
SHOPS = """\
title: Shops
owner: ville
audience: open
licence: LO
source:
  registry: source
  table: shops
schema:
  fields:
    - name: id
    - name: town
      constraints: {required: true}
    - name: postal_code
    - name: opened
      type: date
    - name: commune_code
    - name: tags
      type: array
  primaryKey: id
  foreignKeys:
    - fields: commune_code
      reference: {resource: communes, fields: code}
clean:
  postal_code: {steps: [{pad: 5}]}
  opened:
    from: OPENED
    steps:
      - trim
      - date
  commune_code:
    from: town
    steps:
      - find_commune: {postal_code: postal_code, among: communes}
expect:
  rows: {min: 1}
  refused: {max: 0.1}
"""
REGISTRIES = "communes, source"
COLUMNS = "commune_code, id, opened, postal_code, tags, town"
DATASET_KEYS = (
    "audience, clean, columns, deadline, description, expect, index, key, keywords, licence, link, merge, owner, publication,"
    " record, retention, schedule, schema, schema_version, source, sources, title"
)

# (file, what is written there, what stands there instead, what is told)
BROKEN = [
    # unknown keys, at each level
    ("beffroi.yaml", "title: Test\n", "title: Test\nregistry: {}\n", "beffroi.yaml:2: unknown key «registry» (did you mean «registries»?); allowed: identity, journal, lookups, metrics, organisations, proxies, publication, purposes, registries, timezone, title"),
    ("beffroi.yaml", "title: Test\n", "title: Test\nmetrics: {}\n", "beffroi.yaml:2: the key «networks» is missing"),
    ("beffroi.yaml", "    title: Ville\n", "    title: Ville\n    apps: {}\n", "beffroi.yaml:10: unknown key «apps»; allowed: applications, title"),
    ("beffroi.yaml", "        title: Mairie\n", "        titel: Mairie\n", "beffroi.yaml:12: unknown key «titel» (did you mean «title»?); allowed: certificates, grants, limits, title|beffroi.yaml:11: the key «title» is missing"),
    ("beffroi.yaml", "            fields: [code, name]\n", "            fields: [code]\n            lines: 1\n", "beffroi.yaml:16: unknown key «lines»; allowed: dataset, fields, journal, lookup, purposes, rows, verify"),
    ("beffroi.yaml", "            fields: [code, name]\n", '            fields: [code]\n            rows: {town: ["80021"]}\n', "beffroi.yaml:16: the lookup commune has no field «town» by which rows could be told apart; allowed: code, department_code, epci_code, name, population, postal_codes, region_code, siren"),
    ("beffroi.yaml", "            fields: [code, name]\n", '            fields: [code]\n            rows: {population: ["12"]}\n', "beffroi.yaml:16: population of the lookup commune is no text: rows are granted by codes and other texts"),
    ("beffroi.yaml", "            fields: [code, name]\n", '            fields: [code]\n            rows: {postal_codes: ["80000"]}\n', "beffroi.yaml:16: postal_codes of the lookup commune is no text: rows are granted by codes and other texts"),
    ("beffroi.yaml", "            fields: [code, name]\n", "            fields: [code]\n            rows: {code: []}\n", "beffroi.yaml:16: expected at least 1 here for «code»"),
    ("beffroi.yaml", "            fields: [code, name]\n", "            fields: [code]\n            rows: {code: [80021]}\n", "beffroi.yaml:16: expected text for «code»"),
    ("beffroi.yaml", "    procedure: Enrolment\n", "    procedure: Enrolment\n    treaty: x\n", "beffroi.yaml:21: unknown key «treaty»; allowed: agreement, expires, legal_basis, procedure, requires, title"),
    ("beffroi.yaml", "      - registry: communes\n", "      - registry: communes\n        timeout: 3\n", "beffroi.yaml:27: unknown key «timeout»; allowed: dataset, registry"),
    ("beffroi.yaml", "    organisation: ville\n", "    organisation: ville\n    url: x\n", "beffroi.yaml:31: unknown key «url»; allowed: organisation"),
    ("datasets/shops.yaml", "owner: ville\n", "owner: ville\nlicense: LO\n", f"datasets/shops.yaml:3: unknown key «license» (did you mean «licence»?); allowed: {DATASET_KEYS}"),
    ("datasets/shops.yaml", "  table: shops\n", "  tabel: shops\n", "datasets/shops.yaml:7: unknown key «tabel» (did you mean «table»?); allowed: clean, dataset, name, registry, table, tables, when_missing"),
    ("datasets/shops.yaml", "  primaryKey: id\n", "  primaryKey: id\n  primary_key: id\n", "datasets/shops.yaml:20: unknown key «primary_key» (did you mean «primaryKey»?); allowed: fields, foreignKeys, missingValues, primaryKey"),
    ("datasets/shops.yaml", "      type: date\n", "      formate: date\n", "datasets/shops.yaml:15: unknown key «formate» (did you mean «format»?); allowed: bareNumber, constraints, crs, decimalChar, description, example, falseValues, format, groupChar, missingValues, name, personal, rdfType, title, trueValues, type, unit"),
    ("datasets/shops.yaml", "{required: true}", "{requird: true}", "datasets/shops.yaml:12: unknown key «requird» (did you mean «required»?); allowed: enum, maxLength, maximum, minLength, minimum, pattern, required, unique"),
    ("datasets/shops.yaml", "    from: OPENED\n", "    form: OPENED\n", "datasets/shops.yaml:26: unknown key «form» (did you mean «from»?); allowed: from, steps"),
    ("datasets/shops.yaml", "  rows: {min: 1}", "  rows: {minimum: 1}", "datasets/shops.yaml:35: unknown key «minimum» (did you mean «min»?); allowed: max, min"),
    ("datasets/shops.yaml", "reference: {resource: communes, fields: code}", "reference: {dataset: communes, resource: communes, fields: code}", "datasets/shops.yaml:22: unknown key «dataset»; allowed: fields, resource"),
    # missing keys
    ("beffroi.yaml", "title: Test\n", "", "beffroi.yaml:1: the key «title» is missing"),
    ("beffroi.yaml", "    record: Commune\n", "", "beffroi.yaml:23: say which record: it answers, or name one dataset: as its only provider"),
    ("datasets/shops.yaml", "audience: open\n", "", "datasets/shops.yaml:1: the key «audience» is missing"),
    ("datasets/shops.yaml", "    - name: postal_code\n", "    - title: Postal code\n", "datasets/shops.yaml:13: the key «name» is missing"),
    ("datasets/shops.yaml", "  primaryKey: id\n", "", "datasets/shops.yaml:8: say which columns identify a row: the schema has no primaryKey, and there is no key:"),
    ("datasets/shops.yaml", "  registry: source\n", "", "datasets/shops.yaml:5: a source is one registry: or one dataset:"),
    # wrong types and values
    ("beffroi.yaml", "title: Test\n", "title: 12\n", "beffroi.yaml:1: expected text for «title»"),
    ("beffroi.yaml", "title: Test\n", "title:\n", "beffroi.yaml:1: expected text for «title»"),
    ("beffroi.yaml", "  school:\n    title: School\n    procedure: Enrolment\n    legal_basis: Code, L1\n", "  - school\n", "beffroi.yaml:17: expected keys and values for «purposes»"),
    ("beffroi.yaml", "    title: Ville\n    applications:", "    title: Ville\n    applications: []\n    x:", "beffroi.yaml:10: expected keys and values for «applications»|beffroi.yaml:11: unknown key «x»; allowed: applications, title"),
    ("beffroi.yaml", "    legal_basis: Code, L1\n", "    legal_basis: Code, L1\n    expires: 2026-02-30\n", "beffroi.yaml:22: expected a date such as 2026-12-31 for «expires»"),
    ("beffroi.yaml", "    legal_basis: Code, L1\n", "    legal_basis: Code, L1\n    requires: [cases]\n", "beffroi.yaml:22: expected agent or case for «requires»"),
    ("beffroi.yaml", "    legal_basis: Code, L1\n", "    legal_basis: Code, L1\n    expires: soon\n", "beffroi.yaml:22: expected a date such as 2026-12-31 for «expires»"),
    ("beffroi.yaml", "    record: Commune\n", "    record: Commune\n    deadline: 0\n", "beffroi.yaml:25: expected a number above 0 for «deadline»"),
    ("beffroi.yaml", "    record: Commune\n", "    record: Commune\n    deadline: 600\n", "beffroi.yaml:25: expected a number of at most 120 for «deadline»"),
    ("beffroi.yaml", "    record: Commune\n", "    record: Commune\n    deadline: fast\n", "beffroi.yaml:25: expected a number for «deadline»"),
    ("beffroi.yaml", "            fields: [code, name]\n", "            fields: all\n", "beffroi.yaml:15: expected * or a list for «fields»"),
    ("beffroi.yaml", "            fields: [code, name]\n", "            fields: [code, 3]\n", "beffroi.yaml:15: expected text for «fields»"),
    ("beffroi.yaml", "            purposes: [school]\n", "            purposes: []\n", "beffroi.yaml:16: expected at least 1 here for «purposes»"),
    ("beffroi.yaml", "  school:\n", "  School Days:\n", "beffroi.yaml:18: «School Days» is no name: small letters a to z, digits, - and _, a letter first"),
    ("datasets/shops.yaml", "audience: open\n", "audience: public\n", "datasets/shops.yaml:3: expected open, agents or owner for «audience»"),
    ("datasets/shops.yaml", "      type: date\n", "      type: dates\n", "datasets/shops.yaml:15: expected string, integer, number, boolean, date, datetime, array, geopoint or geojson for «type»"),
    ("datasets/shops.yaml", "    - name: id\n", "    - name: 1d\n", "datasets/shops.yaml:10: «1d» is no name: letters a to z and A to Z, digits and _, a letter first"),
    ("datasets/shops.yaml", "{required: true}", "{required: always}", "datasets/shops.yaml:12: expected true or false for «required»"),
    ("datasets/shops.yaml", "{required: true}", "{minimum: [1]}", "datasets/shops.yaml:12: expected a whole number or a number or text for «minimum»"),
    ("datasets/shops.yaml", "  rows: {min: 1}", "  rows: {min: many}", "datasets/shops.yaml:35: expected a number for «min»"),
    ("datasets/shops.yaml", "  rows: {min: 1}", "  rows: [1]", "datasets/shops.yaml:35: expected keys and values for «rows»"),
    ("datasets/shops.yaml", "      - trim\n", "      - 3\n", "datasets/shops.yaml:28: expected text or keys and values for «steps»"),
    ("datasets/shops.yaml", "  postal_code: {steps: [{pad: 5}]}\n", "  postal_code: {steps: trim}\n", "datasets/shops.yaml:24: expected a list for «steps»"),
    ("datasets/shops.yaml", SHOPS, "- title: Shops\n", "datasets/shops.yaml:1: expected keys and values here"),
    ("datasets/shops.yaml", SHOPS, "", "datasets/shops.yaml:1: expected keys and values here"),
    ("beffroi.yaml", MAIN, "", "beffroi.yaml:1: expected the keys title, registries, organisations, …"),
    ("beffroi.yaml", MAIN, "- 1", "beffroi.yaml:1: expected the keys title, registries, organisations, …"),
    # what a dataset says against itself
    ("datasets/shops.yaml", "source:\n", "record: Commune\nsource:\n", "datasets/shops.yaml:5: say either record: or schema:, and not both"),
    ("datasets/communes.yaml", "record: Commune\n", "", "datasets/communes.yaml:1: say either record: or schema:, and not both"),
    ("datasets/communes.yaml", "record: Commune\n", "record: Comune\n", "datasets/communes.yaml:5: record Comune is unknown (did you mean «Commune»?); allowed: Commune, Company, Person, VatNumber"),
    ("datasets/communes.yaml", "record: Commune\n", "record: Person\n", "datasets/communes.yaml:3: audience: open is refused, these columns are personal data: nir, birth_name, usual_name, given_names, sex, birth_date, birth_commune_code, death_date, address_line, postal_code, commune_code"),
    ("datasets/shops.yaml", "    - name: postal_code\n", "    - name: postal_code\n      personal: true\n", "datasets/shops.yaml:3: audience: open is refused, these columns are personal data: postal_code"),
    ("datasets/shops.yaml", "    - name: postal_code\n", "    - name: postal_code\n      personal: yes\n", "datasets/shops.yaml:3: audience: open is refused, these columns are personal data: postal_code"),
    ("datasets/shops.yaml", "licence: LO\n", "", "datasets/shops.yaml:3: an open dataset needs a licence:"),
    ("datasets/shops.yaml", "licence: LO\n", "licence: ''\n", "datasets/shops.yaml:3: an open dataset needs a licence:"),
    ("datasets/shops.yaml", "    - name: postal_code\n", "    - name: id\n    - name: postal_code\n", "datasets/shops.yaml:13: two fields of the schema are called «id»"),
    ("datasets/shops.yaml", "    - name: postal_code\n", "    - name: beffroi_place\n    - name: postal_code\n", "datasets/shops.yaml:13: the name «beffroi_place» is kept for Beffroi itself: take another"),
    ("datasets/shops.yaml", "  primaryKey: id\n", "  primaryKey: ids\n", f"datasets/shops.yaml:19: primaryKey names «ids», which is no column (did you mean «id»?); allowed: {COLUMNS}"),
    ("datasets/shops.yaml", "  primaryKey: id\n", "  primaryKey: [id, tags]\n", "datasets/shops.yaml:19: «tags» cannot be part of a key: it is of the type array"),
    ("datasets/shops.yaml", "  primaryKey: id\n", "  primaryKey: []\n", "datasets/shops.yaml:19: say which columns identify a row: the schema has no primaryKey, and there is no key:"),
    ("datasets/shops.yaml", "  primaryKey: id\n", "  primaryKey: [id, id]\n", "datasets/shops.yaml:19: primaryKey names one column, or several different ones"),
    ("datasets/shops.yaml", "    - fields: commune_code\n", "    - fields: commune\n", f"datasets/shops.yaml:21: the foreign key names «commune», which is no column (did you mean «commune_code»?); allowed: {COLUMNS}"),
    ("datasets/shops.yaml", "    - fields: commune_code\n", "    - fields: [commune_code, id]\n", "datasets/shops.yaml:21: a foreign key of several columns is not supported: name one column"),
    ("datasets/shops.yaml", "  postal_code: {steps: [{pad: 5}]}\n", "  postcode: {steps: [{pad: 5}]}\n", f"datasets/shops.yaml:24: clean names «postcode», which is no column (did you mean «postal_code»?); allowed: {COLUMNS}"),
    ("datasets/shops.yaml", "{required: true}", "{pattern: '['}", "datasets/shops.yaml:12: not a regular expression"),
    ("datasets/shops.yaml", "{required: true}", "{pattern: '(?=a)(b*)*'}", "datasets/shops.yaml:12: a regular expression that can take very long on some texts: write it so that it reads each in one way"),
    ("datasets/shops.yaml", "      type: date\n", "      type: date\n      constraints: {pattern: '19.*'}\n", "datasets/shops.yaml:16: a pattern is for texts, and «opened» is of the type date"),
    ("datasets/shops.yaml", "      type: date\n", "      type: date\n      constraints: {minimum: 01/07/1901}\n", "datasets/shops.yaml:16: not a value of the type date"),
    ("datasets/shops.yaml", "      type: date\n", "      type: date\n      constraints: {maximum: '1493979010'}\n", "datasets/shops.yaml:16: not a value of the type date"),
    ("datasets/shops.yaml", "      type: date\n", "      type: integer\n      constraints: {enum: [1, two]}\n", "datasets/shops.yaml:16: not a value of the type integer|datasets/shops.yaml:30: the step date makes a date, and «opened» is of the type integer"),
    ("datasets/shops.yaml", "      type: array\n", "      type: array\n      constraints: {enum: [a]}\n", "datasets/shops.yaml:19: a column of the type array has no enum"),
    ("datasets/shops.yaml", "      type: date\n", "      type: integer\n      constraints: {minimum: 5, maximum: 2}\n", "datasets/shops.yaml:16: minimum 5 is above maximum 2: no value can meet both|datasets/shops.yaml:30: the step date makes a date, and «opened» is of the type integer"),
    ("datasets/shops.yaml", "      type: date\n", "      type: date\n      constraints: {minimum: '2001-01-01', maximum: '1901-01-01'}\n", "datasets/shops.yaml:16: minimum 2001-01-01 is above maximum 1901-01-01: no value can meet both"),
    ("datasets/shops.yaml", "  rows: {min: 1}", "  rows: {min: 5, max: 2}", "datasets/shops.yaml:35: min 5 is above max 2: no version can meet both"),
    ("datasets/shops.yaml", "  rows: {min: 1}", "  rows: {min: -1}", "datasets/shops.yaml:35: min is -1: a number of rows is 0 or more"),
    ("datasets/shops.yaml", "{max: 0.1}", "{max: 5}", "datasets/shops.yaml:36: max is 5: a share of the rows is from 0 to 1, 5 % is 0.05"),
    ("datasets/shops.yaml", "{max: 0.1}", "{min: -0.1, max: 1}", "datasets/shops.yaml:36: min is -0.1: a share of the rows is from 0 to 1, 5 % is 0.05"),
    ("datasets/shops.yaml", "{max: 0.1}", "{min: 0.2, max: 0.1}", "datasets/shops.yaml:36: min 0.2 is above max 0.1: no version can meet both"),
    ("datasets/shops.yaml", "title: Shops\n", "title: ''\n", "datasets/shops.yaml:1: expected a text that is not empty for «title»"),
    ("beffroi.yaml", "    legal_basis: Code, L1\n", "    legal_basis: ' '\n", "beffroi.yaml:21: expected a text that is not empty for «legal_basis»"),
    ("datasets/shops.yaml", "  table: shops\n", "", "datasets/shops.yaml:5: source: say which table to read; the folder source has: no Parquet file"),
    ("datasets/shops.yaml", "      - date\n", "      - decimal\n", "datasets/shops.yaml:29: the step decimal makes a number, and «opened» is of the type date"),
    # steps
    ("datasets/shops.yaml", "      - trim\n", "      - strip\n", "datasets/shops.yaml:28: there is no cleaning step «strip»; allowed: trim, *"),
    ("datasets/shops.yaml", "      - trim\n", "      - trim: 3\n", "datasets/shops.yaml:28: the step trim takes no argument"),
    ("datasets/shops.yaml", "      - trim\n", "      - {trim: , lower: }\n", "datasets/shops.yaml:28: a cleaning step is one name, or one name with its argument"),
    ("datasets/shops.yaml", "      - trim\n", "      - {}\n", "datasets/shops.yaml:28: a cleaning step is one name, or one name with its argument"),
    ("datasets/shops.yaml", "      - trim\n", "      - pad\n", "datasets/shops.yaml:28: the step pad takes a number of digits: `- pad: …`"),
    ("datasets/shops.yaml", "      - trim\n", "      - pad: true\n", "datasets/shops.yaml:28: the step pad takes a number of digits: `- pad: …`"),
    ("datasets/shops.yaml", "      - trim\n", "      - pad: 100000\n", "datasets/shops.yaml:28: the step pad takes a number of digits: `- pad: …`"),
    ("datasets/shops.yaml", "      - trim\n", "      - empty: []\n", "datasets/shops.yaml:28: the step empty takes a list of texts: `- empty: …`"),
    ("datasets/shops.yaml", "      - trim\n", "      - empty: [0]\n", "datasets/shops.yaml:28: the step empty takes a list of texts: `- empty: …`"),
    ("datasets/shops.yaml", "      - trim\n", "      - map: {}\n", "datasets/shops.yaml:28: the step map takes the new value for each old one*"),
    ("datasets/shops.yaml", "      - trim\n", "      - map: {a: null}\n", "datasets/shops.yaml:28: the step map takes the new value for each old one*"),
    ("datasets/shops.yaml", "      - trim\n", "      - follow\n", "datasets/shops.yaml:28: the step follow takes the name of a dataset*"),
    ("datasets/shops.yaml", "      - date\n", "      - date\n      - trim\n", "datasets/shops.yaml:29: the step date makes a date of the text: it must be the last one"),
    ("datasets/shops.yaml", "{postal_code: postal_code, among: communes}", "{postal_code: postal_code}", "datasets/shops.yaml:33: the step find_commune takes two names {postal_code: COLUMN, among: DATASET}: `- find_commune: …`"),
    ("datasets/shops.yaml", "{postal_code: postal_code, among: communes}", "{postal_code: tags, among: communes}", "datasets/shops.yaml:33: postal_code names «tags», which is no column above «commune_code»; allowed: id, opened, postal_code, town"),
    ("datasets/shops.yaml", "expect:\n", "  tags: {steps: [trim]}\nexpect:\n", "datasets/shops.yaml:34: steps are for single values, and «tags» is of the type array"),
    # what the files say together
    ("beffroi.yaml", "      - registry: communes\n", "      - registry: commune\n", f"beffroi.yaml:26: no registry «commune» (did you mean «communes»?); allowed: {REGISTRIES}"),
    ("beffroi.yaml", "      - registry: communes\n", "      - registry: source\n", "beffroi.yaml:26: the registry source does not answer Commune"),
    ("beffroi.yaml", "      - dataset: communes\n", "      - dataset: commune\n", "beffroi.yaml:27: no dataset «commune» (did you mean «communes»?); allowed: communes, shops"),
    ("beffroi.yaml", "      - dataset: communes\n", "      - dataset: shops\n", "beffroi.yaml:27: the dataset shops does not mirror Commune"),
    ("beffroi.yaml", "      - registry: communes\n", "      - {}\n", "beffroi.yaml:26: a provider is one registry: or one dataset:"),
    ("beffroi.yaml", "    record: Commune\n", "    record: Town\n", "beffroi.yaml:24: record Town is unknown; allowed: Commune, Company, Person, VatNumber"),
    ("beffroi.yaml", "          - lookup: commune\n", "          - lookup: communes\n", "beffroi.yaml:14: no lookup «communes» (did you mean «commune»?); allowed: commune"),
    ("beffroi.yaml", "          - lookup: commune\n", "          - dataset: shopping\n", "beffroi.yaml:14: no dataset «shopping» (did you mean «shops»?); allowed: communes, shops"),
    ("beffroi.yaml", "          - lookup: commune\n", "          - lookup: commune\n            dataset: shops\n", "beffroi.yaml:14: a grant is for one lookup:, for one dataset:, or for journal: who-read"),
    ("beffroi.yaml", "fields: [code, name]", "fields: [code, nam]", "beffroi.yaml:15: no field «nam» (did you mean «name»?); allowed: code, department_code, epci_code, name, population, postal_codes, region_code, siren"),
    ("beffroi.yaml", "purposes: [school]", "purposes: [schools]", "beffroi.yaml:16: no purpose «schools» (did you mean «school»?); allowed: school"),
    ("beffroi.yaml", "purposes:\n  school:", "  village:\n    title: V\n    applications: {mairie: {title: M}}\npurposes:\n  school:", "beffroi.yaml:19: the application mairie stands under ville too: names are unique"),
    ("beffroi.yaml", "purposes:\n  school:", "  open:\n    title: O\npurposes:\n  school:", "beffroi.yaml:17: no organisation can be called open: that is the open data's name"),
    ("beffroi.yaml", "    organisation: ville\n", "    organisation: vile\n", "beffroi.yaml:30: no organisation «vile» (did you mean «ville»?); allowed: ville"),
    ("beffroi.yaml", "kind: files", "kind: file", "beffroi.yaml:3: kind «file» is unknown (did you mean «files»?); allowed: *"),
    ("beffroi.yaml", "kind: files", "kind: [files]", "beffroi.yaml:3: kind «['files']» is unknown*"),
    ("beffroi.yaml", "{kind: files, path: source}", "{path: source}", "beffroi.yaml:3: the key «kind» is missing; allowed: *"),
    ("beffroi.yaml", "{kind: files, path: source}", "{kind: files, folder: source}", "beffroi.yaml:3: unknown key «folder»; allowed: *"),
    ("beffroi.yaml", "  source: {kind: files, path: source}\n", "  source: files\n", "beffroi.yaml:3: expected keys and values for «source»"),
    ("datasets/shops.yaml", "  registry: source\n", "  registry: sources\n", f"datasets/shops.yaml:6: no registry «sources» (did you mean «source»?); allowed: {REGISTRIES}"),
    ("datasets/shops.yaml", "owner: ville\n", "owner: town\n", "datasets/shops.yaml:2: no organisation «town»; allowed: ville"),
    ("datasets/shops.yaml", "{resource: communes, fields: code}", "{resource: towns, fields: code}", "datasets/shops.yaml:22: no dataset «towns»; allowed: communes, shops"),
    ("datasets/shops.yaml", "{resource: communes, fields: code}", "{resource: communes, fields: insee}", "datasets/shops.yaml:22: communes has no column «insee»; allowed: code, department_code, epci_code, name, population, postal_codes, region_code, siren"),
    ("datasets/shops.yaml", "{resource: communes, fields: code}", "{resource: communes, fields: population}", "datasets/shops.yaml:22: commune_code is of the type string, population of communes is of the type integer: make them the same"),
    ("datasets/shops.yaml", "postal_code: postal_code, among: communes}", "postal_code: postal_code, among: towns}", "datasets/shops.yaml:33: no dataset «towns»; allowed: communes, shops"),
    ("datasets/shops.yaml", "      - trim\n", "      - follow: communes\n", "datasets/shops.yaml:28: this step reads code, commune_code of communes, which lacks commune_code"),
    ("datasets/shops.yaml", "{resource: communes, fields: code}", "{resource: shops, fields: commune_code}", "datasets/shops.yaml:1: these refer to each other in a circle: shops → shops"),
    ("datasets/shops.yaml", "owner: ville\n", "owner: ville\nname: other\n", "datasets/shops.yaml:3: take name: out, the file's own name is the dataset's"),
    ("datasets/Shops 2.yaml", "", SHOPS, "datasets/Shops 2.yaml:1: «Shops 2» is no name: small letters a to z, digits, - and _, a letter first"),
    ("datasets/beffroi_versions.yaml", "", SHOPS, "datasets/beffroi_versions.yaml:1: a name that begins with beffroi_ is kept for Beffroi itself: rename the file"),
    ("datasets/towns.yml", "", SHOPS, "datasets/towns.yml:1: name it towns.yaml"),
    # sections split into folders
    ("purposes/school.yaml", "", "title: S\nprocedure: P\nlegal_basis: L\n", "purposes/school.yaml:1: school stands in beffroi.yaml too: keep one"),
    ("purposes/sport.yaml", "", "title: S\nprocedure: P\nlegal: L\n", "purposes/sport.yaml:1: the key «legal_basis» is missing|purposes/sport.yaml:3: unknown key «legal» (did you mean «legal_basis»?); allowed: agreement, expires, legal_basis, procedure, requires, title"),
    ("purposes/sport.yaml", "", "", "purposes/sport.yaml:1: expected keys and values for «sport»"),
    ("purposes/Sport.yaml", "", "title: S\nprocedure: P\nlegal_basis: L\n", "purposes/Sport.yaml:1: «Sport» is no name: small letters a to z, digits, - and _, a letter first"),
    ("purposes/sport.yml", "", "title: S\n", "purposes/sport.yml:1: name it sport.yaml"),
    ("registries/more.yaml", "", "", "registries/more.yaml:1: expected keys and values for «more»"),
    ("registries/more.yaml", "", "\nkind: files\nfolder: x\n", "registries/more.yaml:3: unknown key «folder»; allowed: *"),
    ("registries/more.yaml", "", "kind: files\n", "registries/more.yaml:1: say either path:, a folder, or url:, an address"),
    ("registries/more.yaml", "", "kind: rest\nurl: https://x\nauth: {kind: api-keys}\n", "registries/more.yaml:3: expected api-key, basic, bearer or oauth2 for «kind»"),
    ("registries/more.yaml", "", "kind: rest\nurl: https://x\nauth: {header: X}\n", "registries/more.yaml:3: the key «kind» is missing"),
    ("registries/more.yaml", "", "kind: rest\nurl: https://x\nauth: {kind: basic, username: x, password: '${X}', pass: x}\n", "registries/more.yaml:3: unknown key «pass» (did you mean «password»?); allowed: kind, password, username"),
    ("registries/more.yaml", "", "kind: fils\n", "registries/more.yaml:1: kind «fils» is unknown (did you mean «files»?); allowed: *"),
    ("lookups/town.yaml", "", "record: Commune\nproviders:\n  - registry: x\n", f"lookups/town.yaml:3: no registry «x»; allowed: {REGISTRIES}"),
    ("organisations/village.yaml", "", "title: V\napplications:\n  app:\n    title: A\n    grants:\n      - {lookup: x, fields: '*', purposes: [school]}\n", "organisations/village.yaml:6: no lookup «x»; allowed: commune"),
    ("lookups/town.yaml", "", "record: Commune\n\tproviders: []\n", "lookups/town.yaml:2: not valid YAML: *"),
]  # fmt: skip


@pytest.fixture
def root(bench: Bench) -> Path:
    bench.write("beffroi.yaml", MAIN)
    bench.write("datasets/communes.yaml", COMMUNES)
    bench.write("datasets/shops.yaml", SHOPS)
    return bench.root


def problems(root: Path) -> list[str]:
    with pytest.raises(Misconfigured) as caught:
        Workspace(root)
    return caught.value.detail.split("\n")


def test_the_workspace_that_is_broken_below_is_whole(root: Path) -> None:
    workspace = Workspace(root)
    assert workspace.in_order([]) == ["communes", "shops"]
    assert workspace.applications["mairie"][0] == "ville"


@pytest.mark.parametrize(("file", "old", "new", "said"), BROKEN)
def test_a_broken_declaration_is_told_in_one_sentence(root: Path, file: str, old: str, new: str, said: str) -> None:
    path = root / file
    path.parent.mkdir(exist_ok=True)
    text = path.read_text() if path.exists() else ""
    assert old in text, "the test itself is out of date"
    path.write_text(text.replace(old, new, 1))
    found = problems(root)
    wanted = sorted(said.split("|"))
    shown = [
        one[: len(start) - 1] + "*" if start.endswith("*") else one
        for one, start in zip(sorted(found), wanted, strict=False)
    ]
    assert [*shown, *found[len(wanted) :]] == wanted
    jargon = r"input|valid (string|dictionary|list)|pydantic|type=|dict\[|model|\bstr\b|Traceback"
    assert not [sentence for sentence in found if re.search(jargon, sentence, re.IGNORECASE)]


def test_all_problems_are_told_at_once_and_each_only_once(root: Path) -> None:
    main = MAIN.replace("kind: files", "kind: file").replace("[code, name]", "[code, nam]")
    (root / "beffroi.yaml").write_text(main)
    (root / "datasets/shops.yaml").write_text(SHOPS.replace("licence: LO\n", "").replace("- trim", "- strip"))
    (root / "datasets/communes.yaml").write_text(COMMUNES.replace("owner: ville", "ownr: ville"))
    (root / "datasets/third.yaml").write_text("a: [\n")
    (root / "purposes").mkdir()
    (root / "purposes/sport.yaml").write_text("title: 3\n")
    places = sorted({problem.split(": ")[0] for problem in problems(root)})
    assert places == [
        "beffroi.yaml:3",
        "datasets/communes.yaml:1",
        "datasets/communes.yaml:2",
        "datasets/shops.yaml:27",
        "datasets/shops.yaml:3",
        "datasets/third.yaml:2",
        "purposes/sport.yaml:1",
    ]
    (root / "purposes/sport.yaml").unlink()
    assert [p for p in problems(root) if "nam" in p and ":15:" in p], "what the files say together is told as well"
    assert not [p for p in problems(root) if "no dataset" in p], "a broken dataset is not told missing as well"


def test_tables_are_looked_for_only_when_asked(root: Path, bench: Bench) -> None:
    assert Workspace(root).datasets, "a table that is gone stops its run, never the gateway"
    said = "datasets/shops.yaml:7: source: no table shops; the folder source has: no Parquet file"
    with pytest.raises(Misconfigured, match=f"^{re.escape(said)}$"):
        Workspace(root, sources=True)
    bench.source("shops", [{"id": "1"}])
    assert Workspace(root, sources=True).datasets
    shutil.rmtree(root / "source")
    assert Workspace(root, sources=True).datasets, "who fills the folder may come later"


def test_a_cycle_of_several_names_them_all(root: Path) -> None:
    communes = SHOPS.replace("{resource: communes, fields: code}", "{resource: shops, fields: id}")
    (root / "datasets/communes.yaml").write_text(communes.replace("among: communes", "among: shops"))
    (found,) = [problem for problem in problems(root) if "circle" in problem]
    assert re.fullmatch(r"datasets/(\w+)\.yaml:1: these refer to each other in a circle: \1 → \w+ → \1", found)


def test_split_sections_are_read_together(root: Path) -> None:
    (root / "purposes").mkdir()
    (root / "purposes/sport.yaml").write_text("title: S\nprocedure: P\nlegal_basis: L\nexpires: 2030-01-31\n")
    purposes = Workspace(root).configuration.purposes
    assert sorted(purposes) == ["school", "sport"]
    assert str(purposes["sport"].expires) == "2030-01-31"


def test_no_workspace_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"there is no beffroi.yaml in .*`beffroi init DIR` makes a workspace"):
        Workspace(tmp_path)


def test_an_unknown_name_is_told_with_the_near_ones(root: Path) -> None:
    workspace = Workspace(root)
    with pytest.raises(NotFound, match=r"there is no dataset «Shop» \(did you mean «shops»\?\); allowed: communes"):
        workspace.dataset("Shop")
    with pytest.raises(NotFound, match="there is no lookup «x»; allowed: commune"):
        workspace.lookup("x")


def test_a_path_of_any_name_is_a_workspace(tmp_path: Path) -> None:
    bench = Bench(tmp_path / 'l\'été [1] * {x} "y" ;--')
    bench.shops(("1", "A", "2", None))
    assert bench.run().rows_out == 1
    assert bench.run().new is False


@pytest.mark.parametrize("name", ["a?b", "a#b", "a%20b"])
def test_a_path_that_the_delta_library_misreads_is_refused(tmp_path: Path, name: str) -> None:
    bench = Bench(tmp_path / name)
    with pytest.raises(Misconfigured, match=r"no table can be kept in .*: rename the folder"):
        _ = bench.workspace


def test_the_state_is_closed_to_others_whoever_made_it(root: Path) -> None:
    (root / ".beffroi").mkdir(mode=0o755)
    state = Workspace(root).state
    assert stat.S_IMODE(state.stat().st_mode) == 0o700


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("de,vers\nA,B\n", "maps/statut.csv:1: a value map begins with the line from,to"),
        ("from,to\nA,B\nA,C\n", "maps/statut.csv:3: «A» has another new value above"),
        ("from;to\nA;B\n", None),
    ],
)
def test_check_reads_value_maps_and_the_gateway_does_not(tmp_path: Path, text: str, said: str | None) -> None:
    bench = Bench(tmp_path)
    mapped = benches.SHOPS.replace("name: {steps: [squeeze]}", "name: {steps: [map: maps/statut.csv]}")
    bench.shops(declaration=mapped)
    bench.write("maps/statut.csv", text)
    assert Workspace(tmp_path).datasets, "it stops the next run, not the gateway"
    if said is None:
        assert Workspace(tmp_path, sources=True).datasets
        return
    with pytest.raises(Misconfigured) as raised:
        Workspace(tmp_path, sources=True)
    assert raised.value.detail == f"datasets/shops.yaml:14: {said}"
