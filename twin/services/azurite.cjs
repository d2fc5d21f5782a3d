// Loaded before Azurite: two of its packages are only for its telemetry, which is off, and its SQL store, which is not
// used. Without them it loads 750 modules instead of 3,760, in a third of the time and with 55 MB less.
const Module = require("module");

const unused = new Set(["applicationinsights", "sequelize"]);
const nothing = new Proxy(function () {}, {
  get: (target, key) => (key === "prototype" ? target.prototype : key === Symbol.toPrimitive ? () => "" : nothing),
  apply: () => nothing,
  construct: () => nothing,
});
const load = Module._load;
Module._load = function (request, ...rest) {
  return unused.has(request) ? nothing : load.call(this, request, ...rest);
};
