// What Node makes of a name: lookup() is the C library's, resolve4() and resolve6() are c-ares'.
const dns = require('node:dns');
const name = process.argv[2];
const show = (label, work) =>
  work.then(
    (found) => console.log(`${label}: ${found.join(' ')}`),
    (error) => console.log(`${label}: ${error.code}`),
  );
const lookup = async (family, hints) =>
  (await dns.promises.lookup(name, { family, hints, all: true, verbatim: true })).map((a) =>
    a.family === 4 ? 'A' : 'AAAA',
  );
(async () => {
  await show('lookup', lookup(0, 0));
  await show('lookup+ADDRCONFIG', lookup(0, dns.ADDRCONFIG));
  await show('lookup4', lookup(4, 0));
  await show('lookup6', lookup(6, 0));
  await show('lookup6+ADDRCONFIG', lookup(6, dns.ADDRCONFIG));
  await show('resolve4', dns.promises.resolve4(name).then((found) => found.map(() => 'A')));
  await show('resolve6', dns.promises.resolve6(name).then((found) => found.map(() => 'AAAA')));
})();
