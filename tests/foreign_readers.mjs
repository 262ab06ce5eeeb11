// Reads {tokens: {name: jws}, method, payload} and tells what readers of others say of them.
import { readFileSync } from "node:fs";
import * as jose from "jose";
import { verifyJWS } from "did-jwt";
import jsonld from "jsonld";
import { contexts } from "@digitalbazaar/credentials-context";

const { tokens, method, payload } = JSON.parse(readFileSync(0, "utf8"));
const key = await jose.importJWK(method.publicKeyJwk, "EdDSA");
const readers = {
  jose: async (jws) => jose.compactVerify(jws, key),
  "did-jwt": async (jws) => verifyJWS(jws, method),
};

const told = {};
for (const [name, jws] of Object.entries(tokens)) {
  told[name] = {};
  for (const [reader, read] of Object.entries(readers)) {
    told[name][reader] = await read(jws).then(() => "verified", (error) => String(error.message));
  }
}

const documentLoader = async (url) => {
  if (!contexts.has(url)) throw new Error(`no context ${url}`);
  return { documentUrl: url, document: contexts.get(url) };
};
const quads = await jsonld
  .toRDF(payload, { safe: true, format: "application/n-quads", documentLoader })
  .catch((error) => `${error.name}: ${error.message}`);
process.stdout.write(JSON.stringify({ told, quads }));
