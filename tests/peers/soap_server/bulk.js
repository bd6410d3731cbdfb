// A list of any length as one SOAP answer, streamed in constant memory: node bulk.js
// The request says how many items; the path /gzip answers compressed. GET gives bulk.wsdl.
// Says on which port it is ready, and ends when its standard input does.
'use strict'

const fs = require('node:fs')
const http = require('node:http')
const path = require('node:path')
const {Readable, pipeline} = require('node:stream')
const zlib = require('node:zlib')

const BATCH = 500
const DAY = 86400000
const FIRST_DAY = Date.UTC(2000, 0, 1)
const FIRST_SECOND = Date.UTC(2020, 0, 1)
const days = Array.from({length: 9000}, (_, n) => new Date(FIRST_DAY + n * DAY).toISOString().slice(0, 10))

function item(n) {
  const amount = n * 7919 % 10000000
  const note = n % 4 === 0 ? `<note>à vérifier &amp; &lt;${n}&gt;</note>` : ''
  return `<item code="P${String(n).padStart(7, '0')}"><number>${n - 1000}</number>` +
    `<amount>${Math.floor(amount / 100)}.${String(amount % 100).padStart(2, '0')}</amount>` +
    `<day>${days[n % 9000]}</day><at>${new Date(FIRST_SECOND + n * 1000).toISOString().slice(0, 19)}Z</at>` +
    `<active>${n % 3 === 0}</active><label>Parcelle n° ${n}</label>${note}</item>\n`
}

function * answer(count) {
  yield '<?xml version="1.0" encoding="UTF-8"?>\n<soap:Envelope ' +
    'xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body>' +
    '<ListItemsResponse xmlns="urn:beffroi:bulk:1"><items>\n'
  for (let from = 0; from < count; from += BATCH) {
    let batch = ''
    for (let n = from; n < Math.min(from + BATCH, count); n++) {
      batch += item(n)
    }

    yield batch
  }

  yield `</items><total>${count}</total></ListItemsResponse></soap:Body></soap:Envelope>\n`
}

function asked(request, then) {
  let body = ''
  request.setEncoding('utf8').on('data', piece => {
    body += piece
  }).on('end', () => then(/<(?:\w+:)?count>\s*(\d+)\s*</.exec(body)?.[1]))
}

const server = http.createServer((request, response) => {
  response.setHeader('Content-Type', 'text/xml; charset=utf-8')
  if (request.method === 'GET') {
    const wsdl = fs.readFileSync(path.join(__dirname, 'bulk.wsdl'), 'utf8')
    response.end(wsdl.replaceAll('http://127.0.0.1/', `http://${request.headers.host}/`))
    return
  }

  asked(request, count => {
    if (count === undefined) {
      response.statusCode = 400
      response.end()
      return
    }

    const parts = [Readable.from(answer(Number(count)), {objectMode: false})]
    if (request.url === '/gzip') {
      response.setHeader('Content-Encoding', 'gzip')
      parts.push(zlib.createGzip({level: 1}))
    }

    pipeline(...parts, response, () => {}) // A client that hangs up early is no error
  })
})

server.listen(0, '127.0.0.1', () => console.log(`ready ${server.address().port}`))

process.stdin.on('end', () => process.exit(0)).resume()
