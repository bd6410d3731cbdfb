// The civil register's WSDL served by another SOAP stack: node server.js WSDL PERSONS.json
// Says on which port it is ready, and ends when its standard input does.
'use strict'

const fs = require('node:fs')
const http = require('node:http')
const soap = require('soap')

const NAMESPACE = 'urn:beffroi:civil-register:1'

const [wsdlPath, personsPath] = process.argv.slice(2)
const wsdl = fs.readFileSync(wsdlPath, 'utf8')
const persons = JSON.parse(fs.readFileSync(personsPath, 'utf8')).sort((a, b) => (a.nir < b.nir ? -1 : 1))

function toXml(row) {
  return {
    attributes: {nir: row.nir},
    birthName: row.birth_name,
    ...(row.usual_name === null ? {} : {usualName: row.usual_name}),
    givenNames: {givenName: row.given_names},
    sex: row.sex,
    birth: {date: row.birth_date, communeCode: row.birth_commune_code},
    ...(row.death_date === null ? {} : {death: {date: row.death_date}}),
    address: {line: row.address_line, postalCode: row.postal_code, communeCode: row.commune_code}
  }
}

function fault(code, message) {
  return {
    Fault: {
      faultcode: 'soap:Client',
      faultstring: message,
      detail: {registerFault: {attributes: {xmlns: NAMESPACE}, code, message}},
      statusCode: 500
    }
  }
}

const operations = {
  GetPerson({nir}) {
    const person = persons.find(each => each.nir === nir)
    if (person === undefined) {
      throw fault('PERSON_UNKNOWN', 'No person is registered under this number.')
    }

    return {person: toXml(person)}
  },

  ListPersons({after, limit}) {
    const rest = persons.filter(each => each.nir > (after ?? ''))
    const page = rest.slice(0, Number(limit))
    return {
      persons: {person: page.map(each => toXml(each))},
      ...(rest.length > page.length ? {next: page.at(-1).nir} : {})
    }
  }
}

const server = http.createServer((request, response) => {
  response.statusCode = 404
  response.end()
})

server.listen(0, '127.0.0.1', () => {
  soap.listen(server, '/', {CivilRegister: {CivilRegisterSoap11: operations}}, wsdl, () => {
    console.log(`ready ${server.address().port}`)
  })
})

process.stdin.on('end', () => process.exit(0)).resume()
