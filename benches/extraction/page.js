// The three ways of getting frames out of the same file in the same page. Each resolves with `{ms, frames, bytes}`.
import init, * as timepin from "./pkg/timepin.js";
import { ALL_FORMATS, BlobSource, CanvasSink, EncodedPacketSink, Input } from "./mediabunny.mjs";

const LONGEST_SIDE = 448;
const chosen = () => document.getElementById("file").files[0];

async function videoTrack() {
  const input = new Input({ source: new BlobSource(chosen()), formats: ALL_FORMATS });
  return input.getPrimaryVideoTrack();
}

// The Worker of this project: the whole way to JPEG bytes on the page's thread.
async function ours(fps) {
  const pts = [];
  let bytes = 0;
  let first = 0;
  let overview = 0;
  const start = performance.now();
  const end = await timepin.extract_frames(chosen(), fps, 1_000_000, (event) => {
    if (event.type !== "batch" && event.type !== "overview") return;
    first ||= performance.now() - start;
    if (event.type === "overview") overview = performance.now() - start;
    for (const frame of event.frames) {
      pts.push(frame.pts);
      bytes += frame.bytes.length;
    }
  });
  return { ms: performance.now() - start, first, overview, frames: pts.length, bytes, pts, cost: JSON.parse(end.cost) };
}

// The peer: canvases at the same instants, JPEG of the same quality.
async function mediabunny(fps, count) {
  const start = performance.now();
  const track = await videoTrack();
  const [w, h] = [track.displayWidth, track.displayHeight];
  const scale = Math.min(1, LONGEST_SIDE / Math.max(w, h));
  const size = { width: Math.round(w * scale), height: Math.round(h * scale), fit: "fill" };
  const sink = new CanvasSink(track, { ...size, poolSize: 4 });
  const instants = Array.from({ length: count }, (_, i) => i / fps);
  let bytes = 0;
  let frames = 0;
  let first = 0;
  for await (const shown of sink.canvasesAtTimestamps(instants)) {
    if (!shown) continue;
    const { canvas } = shown;
    const blob = canvas.convertToBlob
      ? await canvas.convertToBlob({ type: "image/jpeg", quality: 0.85 })
      : await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.85));
    bytes += (await blob.arrayBuffer()).byteLength;
    first ||= performance.now() - start;
    frames += 1;
  }
  return { ms: performance.now() - start, first, frames, bytes };
}

// The limit: every packet through a bare decoder, every picture closed at once.
async function bare() {
  const start = performance.now();
  const track = await videoTrack();
  let frames = 0;
  const decoder = new VideoDecoder({
    output: (frame) => {
      frames += 1;
      frame.close();
    },
    error: (error) => {
      throw error;
    },
  });
  decoder.configure(await track.getDecoderConfig());
  for await (const packet of new EncodedPacketSink(track).packets()) {
    while (decoder.decodeQueueSize > 24) {
      await new Promise((resolve) => decoder.addEventListener("dequeue", resolve, { once: true }));
    }
    decoder.decode(packet.toEncodedVideoChunk());
  }
  await decoder.flush();
  decoder.close();
  return { ms: performance.now() - start, frames, bytes: 0 };
}

await init();
Object.assign(window, { ours, mediabunny, bare, timepin, chosen, measuring: true });
