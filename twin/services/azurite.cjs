// Loaded before Azurite: makes it light, durable and breakable.  Its neighbours in this folder do the rest.
const https = require("https");
const Module = require("module");

const { admit, refuse } = require("./azurite_access.cjs");
const { copyTo, databases, expand, flush, load } = require("./azurite_copy.cjs");

// Two of its packages are only for its telemetry, which is off, and its SQL store, which is not used.  Without them it
// loads 750 modules instead of 3,760, in a third of the time and with 55 MB less.
const unused = new Set(["applicationinsights", "sequelize"]);
const nothing = new Proxy(function () {}, {
  get: (target, key) => (key === "prototype" ? target.prototype : key === Symbol.toPrimitive ? () => "" : nothing),
  apply: () => nothing,
  construct: () => nothing,
});
const loadModule = Module._load;
Module._load = function (request, ...rest) {
  if (unused.has(request)) return nothing;
  const loaded = loadModule.call(this, request, ...rest);
  return request === "lokijs" ? new Proxy(loaded, { construct: remember }) : loaded;
};

// Its index is a few Loki databases in memory, which a timer writes down whole every 5 s (55 ms for 10,000 messages).
function remember(Loki, options) {
  const database = new Loki(...options);
  databases.push(database);
  return database;
}

// Azure's storage forgets nothing that it acknowledged, so ending waits for what is under way and writes the index.
const DRAIN_MS = 300;
let closing = false;
let underWay = 0;

async function drain(limit) {
  closing = true;
  const deadline = Date.now() + limit;
  while (underWay && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 5));
}

for (const signal of ["SIGTERM", "SIGINT"]) {
  process.on(signal, () => drain(DRAIN_MS).then(() => (flush(), process.exit(0))));
}
const once = process.once;  // Azurite's own handlers would wait for connections that are kept alive
process.once = (event, listener) => (/^SIG(TERM|INT)$/.test(event) ? process : once.call(process, event, listener));

expand();

// The twin's own requests, with the account's key; what they do is done when they answer.
const KEY = process.env.AZURITE_ACCOUNTS.slice(process.env.AZURITE_ACCOUNTS.indexOf(":") + 1);
const orders = {
  "/.twin/copy": ({ to }) => copyTo(to),
  "/.twin/close": async ({ to }) => (await drain(5000), copyTo(to)),
  "/.twin/load": () => load(),
};

async function obey(request, response) {
  let body = "";
  for await (const chunk of request) body += chunk;
  const order = request.headers["x-twin-key"] === KEY && orders[request.url];
  try {
    if (order) await order(JSON.parse(body || "{}"));
    response.writeHead(order ? 204 : 403).end();
  } catch (error) {
    response.writeHead(500, { "content-type": "text/plain" }).end(String(error));
  }
}

const emit = https.Server.prototype.emit;
https.Server.prototype.emit = function (event, request, response) {
  if (event !== "request") return emit.apply(this, arguments);
  if (request.url.startsWith("/.twin/")) return obey(request, response);
  if (closing) return refuse(request, response, 503, "ServerBusy", "The server is busy.");
  if (!admit(this.address().port, request, response)) return true;
  underWay += 1;
  response.once("close", () => (underWay -= 1));
  return emit.apply(this, arguments);
};
