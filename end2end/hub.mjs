// A model hub on loopback that speaks the Hugging Face protocol, with the bundled checkpoint as its only open repository.
// Its line is slow, and breaks in the middle of the weights the first time they are asked for.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const port = Number(process.argv[2]);
const folder = join(dirname(fileURLToPath(import.meta.url)), "..", "models", "timepin-tiny");
const commit = "c0ffee0000000000000000000000000000000001";
const names = [
  "config.json", "generation_config.json", "preprocessor_config.json", "video_preprocessor_config.json", "timepin.json",
  "tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "model.safetensors",
];
const files = new Map(names.map((name) => [name, readFileSync(join(folder, name))]));
const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");
const gitBlob = (bytes) => createHash("sha1").update(`blob ${bytes.length}\0`).update(bytes).digest("hex");
const isLarge = (name) => name.endsWith(".safetensors");

/** Ranges asked for of the weights, for the story to check. */
const asked = [];
let cuts = 1;

function list(response) {
  const siblings = [...files].map(([rfilename, bytes]) => ({
    rfilename,
    size: bytes.length,
    blobId: isLarge(rfilename) ? "1".repeat(40) : gitBlob(bytes),
    ...(isLarge(rfilename) && { lfs: { sha256: sha256(bytes), size: bytes.length, pointerSize: 133 } }),
  }));
  response.writeHead(200, { "content-type": "application/json" });
  response.end(JSON.stringify({ id: "timepin/tiny", sha: commit, siblings }));
}

/** Bytes in small pieces, so that a person (or a test) can press a button meanwhile. */
function send(request, response, bytes, etag, slow) {
  const range = /^bytes=(\d+)-$/.exec(request.headers.range ?? "");
  const valid = range && [undefined, etag].includes(request.headers["if-range"]);
  const start = valid ? Number(range[1]) : 0;
  if (slow) asked.push(valid ? start : null);
  const headers = { etag, "accept-ranges": "bytes", "content-length": bytes.length - start };
  if (valid) headers["content-range"] = `bytes ${start}-${bytes.length - 1}/${bytes.length}`;
  response.writeHead(valid ? 206 : 200, headers);
  if (!slow) return response.end(bytes.subarray(start));
  const end = cuts > 0 ? bytes.length / 3 : bytes.length;
  const step = (at) => {
    if (response.destroyed) return;
    if (at >= end && end < bytes.length) {
      cuts -= 1;
      return response.destroy();
    }
    if (at >= bytes.length) return response.end();
    response.write(bytes.subarray(at, at + 65_536));
    setTimeout(step, 40, at + 65_536);
  };
  step(start);
}

createServer((request, response) => {
  const { pathname } = new URL(request.url, "http://hub");
  if (pathname === "/asked") return response.end(JSON.stringify(asked));
  if (pathname.startsWith("/api/models/gated/")) {
    response.writeHead(401, { "x-error-code": "GatedRepo" });
    return response.end();
  }
  if (pathname.startsWith("/api/models/timepin/tiny/revision/")) return list(response);
  const resolved = /^\/timepin\/tiny\/resolve\/\w+\/(.+)$/.exec(pathname);
  const stored = /^\/store\/(.+)$/.exec(pathname);
  const name = resolved?.[1] ?? stored?.[1];
  const bytes = files.get(name);
  if (!bytes) {
    response.writeHead(404, { "x-error-code": "RepoNotFound" });
    return response.end();
  }
  if (resolved && isLarge(name)) {
    response.writeHead(302, {
      location: `/store/${name}`,
      "x-repo-commit": commit,
      "x-linked-etag": `"${sha256(bytes)}"`,
      "x-linked-size": bytes.length,
    });
    return response.end();
  }
  send(request, response, bytes, `"${isLarge(name) ? sha256(bytes) : gitBlob(bytes)}"`, isLarge(name));
}).listen(port, "127.0.0.1");
