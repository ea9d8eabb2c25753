// Loaded before each client's test: no connection leaves this machine. `sandbox.mjs` refuses to work without it.
const net = require('node:net');

const HERE = new Set(['127.0.0.1', '::1', 'localhost']);
const connect = net.Socket.prototype.connect;

net.Socket.prototype.connect = function (...args) {
  const [first, second] = Array.isArray(args[0]) ? args[0] : args; // Node's own callers hand over a list
  const host = typeof first === 'object' ? first.host : second;
  if (typeof host === 'string' && !HERE.has(host)) throw new Error(`a test may not call ${host}`);
  return connect.apply(this, args);
};
globalThis.onlyLoopback = true;
