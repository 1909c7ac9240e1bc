// get.cjs URL [VIA]: prints the page by fetch, or what Node says of it. VIA: the host that is
// connected to instead, and only the handshake is made.
const [url, via] = process.argv.slice(2);
const said = (error) => console.log(String(error.cause ?? error), (error.cause ?? error).code);
if (via) {
  const socket = require('node:tls').connect(
    { host: via, port: 443, servername: new URL(url).hostname },
    () => (console.log('connected'), socket.end()),
  );
  socket.on('error', said);
} else {
  fetch(url)
    .then((answer) => answer.text())
    .then((page) => process.stdout.write(page), said);
}
