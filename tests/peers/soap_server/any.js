// Any WSDL served by another SOAP stack: node any.js WSDL ANSWERS.json
// Every operation of every port answers what the file says by its name, and faults where it says nothing.
// Says on which port it is ready, and ends when its standard input does.
'use strict'

const fs = require('node:fs')
const http = require('node:http')
const soap = require('soap')

const [wsdlPath, answersPath] = process.argv.slice(2)
const answers = JSON.parse(fs.readFileSync(answersPath, 'utf8'))

function answering(name) {
  return () => {
    const answer = answers[name] ?? {Fault: {faultcode: 'soap:Server', faultstring: `No answer to ${name} is known.`}}
    if (answer.Fault !== undefined) {
      throw {Fault: {statusCode: 500, ...answer.Fault}}
    }

    return answer
  }
}

const entries = (object, of) => Object.fromEntries(Object.entries(object).map(([name, value]) => [name, of(value, name)]))

const server = http.createServer((request, response) => {
  response.statusCode = 404
  response.end()
})

soap.createClientAsync(wsdlPath).then(client => {
  const services = entries(client.wsdl.definitions.services, service =>
    entries(service.ports, port => entries(port.binding.methods, (_, name) => answering(name))))
  server.listen(0, '127.0.0.1', () => {
    const {port} = server.address()
    const xml = fs.readFileSync(wsdlPath, 'utf8')
      .replace(/(<(?:\w+:)?address\s+location=)(["']).*?\2/g, `$1$2http://127.0.0.1:${port}/$2`)
    soap.listen(server, {path: '/', services, xml, uri: wsdlPath, callback: () => console.log(`ready ${port}`)})
  })
})

process.stdin.on('end', () => process.exit(0)).resume()
