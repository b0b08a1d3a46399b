// Peer (b) of the ingest benchmark: what one would write first in JavaScript, mqtt.js and ioredis.
// The same work per heartbeat as the other peers: HSET of the facts, ZADD of the time, HGET of the upgrade's state.
//   node plain.js PORT REDIS_SOCKET EXPECTED
'use strict';
const mqtt = require('mqtt');
const Redis = require('ioredis');

const [port, redisSocket, expectedText] = process.argv.slice(2);
const expected = Number(expectedText);
const store = new Redis(redisSocket);
const client = mqtt.connect(`mqtt://127.0.0.1:${port}`, { protocolVersion: 5, clientId: 'plain-node' });
let arrived = 0, saved = 0, first = 0;
const seconds = () => Number(process.hrtime.bigint()) / 1e9;

client.on('connect', () => client.subscribe('device/+/heartbeat', { qos: 1 }, () => console.log('subscribed')));
client.on('message', async (topic, payload) => {
  if (arrived++ === 0) first = seconds();
  const device = topic.split('/')[1];
  const beat = JSON.parse(payload);
  const key = `plain:device:${device}`;
  await Promise.all([store.hset(key, beat), store.zadd('plain:seen', Date.now(), device), store.hget(key, 'state')]);
  if (++saved === expected) {
    console.log(JSON.stringify({ count: saved, first_s: first, last_s: seconds() }));
    client.end();
    store.disconnect();
  }
});
