// The client of client.py with @grpc/grpc-js: node client.js ADDRESS PROTOS, the packages by NODE_PATH.
const assert = require('node:assert');
const crypto = require('node:crypto');
const fs = require('node:fs');
const grpc = require('@grpc/grpc-js');
const loader = require('@grpc/proto-loader');

const [address, protos] = process.argv.slice(2);
const PIECE = 1 << 20;
const files = ['auth', 'event', 'filesystem'].map((name) => `grpc_os/v1/${name}_services.proto`);
const { v1 } = grpc.loadPackageDefinition(loader.loadSync(files, { includeDirs: [protos], longs: Number, defaults: true })).grpc_os;

const table = Array.from({ length: 256 }, (_, value) => {
  for (let bit = 0; bit < 8; ++bit) value = (value >>> 1) ^ (value & 1 ? 0x82f63b78 : 0);
  return value;
});
function crc32c(data) {
  let crc = ~0;
  for (const byte of data) crc = (crc >>> 8) ^ table[(crc ^ byte) & 0xff];
  return ~crc >>> 0;
}

const credentials = process.env.TLS_CA
  ? grpc.credentials.createSsl(fs.readFileSync(process.env.TLS_CA))
  : grpc.credentials.createInsecure();
const metadata = new grpc.Metadata();
const clients = new Map();
function clientOf(service) {
  if (!clients.has(service)) clients.set(service, new v1[service](address, credentials, { 'grpc.enable_http_proxy': 0 }));
  return clients.get(service);
}
const soon = (milliseconds) => ({ deadline: Date.now() + milliseconds });

function unary(service, method, request) {
  return new Promise((resolve, reject) => {
    clientOf(service)[method](request, metadata, soon(30000), (error, answer) => (error ? reject(error) : resolve(answer)));
  });
}
async function whoAmI() {
  assert.equal((await unary('AuthService', 'WhoAmI', {})).identity.user, 'admin');
}
// What came until SYNCED; then the stream goes on.
function watch(milliseconds) {
  return new Promise((resolve, reject) => {
    const events = [];
    const stream = clientOf('EventService').Watch({ kinds: ['user', 'role'] }, metadata, soon(milliseconds));
    stream.on('error', reject);
    stream.on('data', (message) => {
      events.push(...message.events);
      if (message.synced) resolve({ stream, events });
    });
  });
}
function ends(stream) {
  return new Promise((resolve) => stream.on('error', (error) => resolve(error.code)));
}
async function upload(name, data) {
  const { uploadId } = await unary('FilesystemService', 'StartUpload', { object: { name }, sizeBytes: data.length });
  const written = await new Promise((resolve, reject) => {
    const stream = clientOf('FilesystemService').WriteUpload(metadata, soon(60000), (error, answer) => (error ? reject(error) : resolve(answer)));
    for (let at = 0; at < data.length; at += PIECE) {
      const part = data.subarray(at, at + PIECE);
      stream.write({ uploadId, offset: at, data: part, crc32c: crc32c(part) });
    }
    stream.end();
  });
  assert.equal(written.persistedBytes, data.length);
  const sha256 = crypto.createHash('sha256').update(data).digest('hex');
  assert.equal((await unary('FilesystemService', 'FinishUpload', { uploadId, sizeBytes: data.length, sha256 })).name, name);
}

async function main() {
  const login = await unary('AuthService', 'Login', { user: 'admin', password: process.env.ADMIN_PASSWORD });
  metadata.set('authorization', `Bearer ${login.accessToken}`);
  console.log('logged in');
  await whoAmI();
  console.log('unary');
  const { stream, events } = await watch(30000);
  assert(events.some((event) => event.action === 'snapshot' && event.name === 'admin'));
  console.log('watch');
  const cancelled = ends(stream);
  stream.cancel();
  assert.equal(await cancelled, grpc.status.CANCELLED);
  await whoAmI();
  console.log('cancel');
  assert.equal(await ends((await watch(1000)).stream), grpc.status.DEADLINE_EXCEEDED);
  console.log('deadline');
  await upload(`/upload-${process.pid}`, crypto.randomBytes(4 * PIECE + 12345));
  console.log('upload');
  const error = await unary('AuthService', 'Login', { user: 'admin', password: 'none' }).then(assert.fail, (refused) => refused);
  assert.equal(error.code, grpc.status.UNAUTHENTICATED);
  const details = error.metadata.get('grpc-status-details-bin')[0];
  assert(details.includes('type.googleapis.com/google.rpc.ErrorInfo') && details.includes('LOGIN_FAILED'));
  console.log('details');
  await Promise.all(
    Array.from({ length: 100 }, async () => {
      for (let i = 0; i < 10; ++i) await whoAmI();
    }),
  );
  console.log('1000 calls');
  for (const client of clients.values()) client.close();
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
