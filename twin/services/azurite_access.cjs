// Who may do what, and what is broken on purpose, by the account's state.json, which the twin writes:
// {"busy", "ahead": seconds, "admins": [object id], "grants": {object id: [{"on", "actions", "when"}]}}.
//
// https://learn.microsoft.com/rest/api/storageservices/authorize-with-azure-active-directory#permissions-for-calling-data-operations
const fs = require("fs");
const { randomUUID } = require("crypto");

const { databases } = require("./azurite_copy.cjs");

const READS = new Set(["GET", "HEAD", "OPTIONS"]);
const SECONDARY = Boolean(process.env.TWIN_SECONDARY);
const QUEUE_PORT = Number(process.argv[process.argv.indexOf("--queuePort") + 1]);

let state = {};
let seen = 0;
function current() {
  const { mtimeMs } = fs.statSync(process.env.TWIN_STATE);
  if (mtimeMs !== seen) [state, seen] = [JSON.parse(fs.readFileSync(process.env.TWIN_STATE, "utf8")), mtimeMs];
  return state;
}

function refuse(request, response, status, code, message) {
  request.resume();
  response.writeHead(status, {
    "content-type": "application/xml", "x-ms-error-code": code, "x-ms-request-id": randomUUID(),
    ...(request.headers["x-ms-version"] && { "x-ms-version": request.headers["x-ms-version"] }),
  });
  response.end(request.method === "HEAD" ? undefined
    : `<?xml version="1.0" encoding="utf-8"?><Error><Code>${code}</Code><Message>${message}</Message></Error>`);
  return false;
}

// Whether the request may go on to Azurite; else it has been answered.
function admit(port, request, response) {
  try {
    return judge(port, request, response);
  } catch (error) {
    console.error(error);
    return refuse(request, response, 400, "InvalidUri", "The requested URI cannot be read.");
  }
}

function judge(port, request, response) {
  const { busy, admins, grants } = current();
  const url = new URL(request.url, "https://localhost");
  const [account, ...names] = url.pathname.slice(1).split("/").map(decodeURIComponent);
  const call = (port === QUEUE_PORT ? queueCall : blobCall)(request.method, url.searchParams, names.filter(Boolean));
  if (SECONDARY && (!READS.has(request.method) || call.takes)) {
    return refuse(request, response, 403, "WriteOperationNotSupportedOnSecondary",
      "Write operations are not allowed in the current location.");
  }
  if (!SECONDARY && account.endsWith("-secondary")) {
    return refuse(request, response, 400, "InvalidUri", "The secondary endpoint is another host.");
  }
  if (SECONDARY && url.searchParams.get("comp") === "stats") {
    return refuse(request, response, 501, "NotImplemented", "Here Resource Manager gives geoReplicationStats.");
  }
  if (busy && !SECONDARY) return refuse(request, response, 503, "ServerBusy", "The server is busy.");
  const oid = principal(request.headers.authorization);
  if (oid === undefined || admins.includes(oid) || (grants[oid] || []).some((grant) => allows(grant, call))) return true;
  tell(`${oid} may not ${call.needs.join(" or ")} on ${call.scope || "the account"} ${call.path || ""}`);
  return refuse(request, response, 403, "AuthorizationPermissionMismatch",
    "This request is not authorized to perform this operation using this permission.");
}

// Each refusal once, for the process's log.
const told = new Set();
function tell(text) {
  if (told.has(text) || told.size > 1000) return;
  told.add(text);
  console.error(text);
}

// undefined without a token: Azurite refuses those itself, and those that are none.
const principals = new Map();
function principal(authorization = "") {
  if (!authorization.startsWith("Bearer ")) return undefined;
  if (!principals.has(authorization)) {
    if (principals.size > 1000) principals.clear();
    let oid;
    try {
      oid = JSON.parse(Buffer.from(authorization.split(".")[1], "base64url")).oid || "nobody";
    } catch {
      oid = undefined;
    }
    principals.set(authorization, oid);
  }
  return principals.get(authorization);
}

function allows({ on, actions, when }, { scope, needs, path }) {
  const within = scope === on || scope.startsWith(`${on}/`);
  const bound = when && needs.some((action) => when.actions.includes(action));
  return within && (!bound || path === when.path)
    && needs.some((need) => need.split("+").every((action) => actions.some((pattern) => matches(pattern, action))));
}

function matches(pattern, action) {
  return pattern.endsWith("*") ? action.startsWith(pattern.slice(0, -1)) : action === pattern;
}

// {scope, needs: one of these actions (a "+" joins what is needed together), path: of the blob, takes: a GET that changes}
function blobCall(method, query, [container, ...blob]) {
  const [comp, read] = [query.get("comp"), READS.has(method)];
  if (!container) {
    const need = comp === "list" ? "containers/read" : comp === "userdelegationkey" ? "generateUserDelegationKey/action"
      : comp === "batch" ? "containers/blobs/delete" : comp === "blobs" ? "containers/blobs/filter/action"
      : read ? "read" : "write";
    return { scope: "", needs: [`blobservices/${need.toLowerCase()}`] };
  }
  const scope = `/blobservices/default/containers/${container}`;
  if (!blob.length) {
    const need = comp === "list" ? "blobs/read" : read ? "read" : method === "DELETE" ? "delete" : "write";
    return { scope, needs: [`blobservices/containers/${need}`] };
  }
  const needs = comp === "tags" ? [read ? "tags/read" : "tags/write"] : read || comp === "query" ? ["read"]
    : method === "DELETE" ? ["delete"] : ["write", ...(comp ? [] : ["add/action"])];
  return { scope, needs: needs.map((need) => `blobservices/containers/blobs/${need}`), path: blob.join("/") };
}

function queueCall(method, query, [queue, messages, id]) {
  const read = READS.has(method);
  const scope = queue ? `/queueservices/default/queues/${queue}` : "";
  if (!messages) {
    const need = !queue ? (query.get("comp") === "list" ? "queues/read" : read ? "read" : "write")
      : `queues/${read ? "read" : method === "DELETE" ? "delete" : "write"}`;
    return { scope, needs: [`queueservices/${need}`] };
  }
  const takes = read && query.get("peekonly") !== "true";
  const needs = id ? (method === "DELETE" ? ["process/action", "delete"] : ["write"])
    : method === "POST" ? ["add/action", "write"] : method === "DELETE" ? ["delete"]
    : takes ? ["process/action", "delete+read"] : ["read"];
  return { scope, takes, needs: needs.map((need) =>
    need.split("+").map((part) => `queueservices/queues/messages/${part}`).join("+")) };
}

// A clock that is ahead makes messages expire; one whose time to live is -1 has the year 9999 and stays.
function expire() {
  const limit = Date.now() + 1000 * (current().ahead || 0);
  if (!state.ahead) return;
  for (const database of databases) {
    const messages = database.getCollection("$MESSAGES_COLLECTION$");
    if (messages) messages.removeWhere((message) => new Date(message.expirationTime).getTime() <= limit);
  }
}
if (!SECONDARY) setInterval(expire, 250).unref();

module.exports = { admit, refuse };
