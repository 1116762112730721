// A TLS echo server on Node.js. node tls_server.js PORT FILE
const fs = require('fs');
const tls = require('tls');

const pem = fs.readFileSync(process.argv[3]);

tls.createServer({ cert: pem, key: pem }, (socket) => {
  socket.setNoDelay(true);
  socket.on('error', () => {});
  socket.pipe(socket);
}).listen({ port: Number(process.argv[2]), host: '0.0.0.0', backlog: 4096 });
