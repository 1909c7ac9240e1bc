// Which hosts Node's own HTTP server (llhttp) hears of on each connection. Input: a file of
// connections, each a length of 4 bytes and then what the client sends. Output: a line of JSON for
// each: the hosts of its requests, in order, as the header names them and as the target does, in the
// form that URL (WHATWG) gives them; null where that takes it for no host.
const fs = require('node:fs');
const http = require('node:http');
const { Duplex } = require('node:stream');

const hostOf = (authority) => {
  try {
    return new URL(`http://${authority}/`).hostname.replace(/\.$/, '');
  } catch {
    return null;
  }
};
const namedBy = (target) => (/^http:\/\//i.test(target) ? hostOf(target.slice(7).split(/[/?#]/)[0]) : null);

const hear = (bytes, lenient) =>
  new Promise((done) => {
    const heard = [];
    const server = http.createServer({ insecureHTTPParser: lenient, requireHostHeader: false }, (request, response) => {
      heard.push([hostOf(request.headers.host), namedBy(request.url)]);
      request.resume();
      response.end();
    });
    server.on('clientError', () => {});
    const client = new Duplex({ read() {}, write: (chunk, encoding, next) => next() });
    client.setTimeout = client.setNoDelay = client.setKeepAlive = client.ref = client.unref = () => client;
    server.emit('connection', client);
    client.push(bytes);
    setImmediate(() => setImmediate(() => (client.destroy(), done(heard))));
  });

(async () => {
  const input = fs.readFileSync(process.argv[2]);
  let number = 0;
  for (let at = 0; at < input.length; ) {
    const length = input.readUInt32LE(at);
    const bytes = Buffer.from(input.subarray(at + 4, at + 4 + length));
    console.log(JSON.stringify(await hear(bytes, number++ % 2 === 0)));
    at += 4 + length;
  }
})();
