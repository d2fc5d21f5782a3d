// An account's data as files: written down at the end, copied to the paired region while it is used.
//
// Data lies in extents, files that are only ever appended to, so a copy links them and needs only the index.  A new
// process appends to new extents: a link never shows what the other region wrote.
const fs = require("fs");
const path = require("path");

const COPY = "copy.json";
const EXTENTS = ["__blobstorage__", "__queuestorage__"];
const here = process.cwd();
const databases = [];

function replace(file, text, at) {
  fs.writeFileSync(`${file}.new`, text);
  if (at) fs.utimesSync(`${file}.new`, at, at);
  fs.renameSync(`${file}.new`, file);
}

function flush() {
  for (const database of databases) replace(database.filename, database.serialize());
}

// Nothing else runs meanwhile, so the copy is of one moment; its file's time is that moment, the Last Sync Time.
let written = "";
let gone = new Set();

function copyTo(target) {
  const at = new Date();
  for (const folder of EXTENTS) link(path.join(here, folder), path.join(target, folder));
  const index = databases.map((database) => `${path.basename(database.filename)}\t${database.serialize()}`).join("\n");
  const file = path.join(target, COPY);
  if (index === written && fs.existsSync(file)) fs.utimesSync(file, at, at);
  else replace(file, index, at);
  written = index;
}

// What went away is kept for one more pass: the copy's own process reads by the last index until it loads this one.
function link(from, to) {
  fs.mkdirSync(to, { recursive: true });
  const [ours, theirs] = [new Set(fs.readdirSync(from)), new Set(fs.readdirSync(to))];
  for (const name of ours) if (!theirs.has(name)) fs.linkSync(path.join(from, name), path.join(to, name));
  for (const name of theirs) {
    if (ours.has(name)) continue;
    if (gone.delete(name)) fs.unlinkSync(path.join(to, name));
    else gone.add(name);
  }
}

function parts() {
  if (!fs.existsSync(COPY)) return [];
  return fs.readFileSync(COPY, "utf8").split("\n").map((line) => [line.slice(0, line.indexOf("\t")),
    line.slice(line.indexOf("\t") + 1)]);
}

// At the start: what was a copy becomes the data.
function expand() {
  for (const [name, text] of parts()) replace(path.join(here, name), text);
  if (!process.env.TWIN_SECONDARY) fs.rmSync(COPY, { force: true });
}

function load() {
  const texts = new Map(parts());
  for (const database of databases) {
    const text = texts.get(path.basename(database.filename));
    if (text) database.loadJSON(text);
  }
}

module.exports = { copyTo, databases, expand, flush, load };
