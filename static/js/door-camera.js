// The camera reads codes: by the browser's own detector where it knows their kinds, else by zxing in a worker.
const EVERY = 120; // milliseconds between two looks

const SAYS = {
  asking: "Allow the camera when your browser asks.",
  denied: "The camera isn't allowed here. Allow it in the browser's settings of this page, then press the button again. Typing a code works meanwhile.",
  busy: "Another app uses the camera. Close it, then press the button again.",
  none: "This device has no camera. Type the code, or search the name.",
  insecure: "Cameras need a secure address (https). Type the code, or search the name.",
  on: "",
};
const WHY = { NotAllowedError: "denied", SecurityError: "denied", NotReadableError: "busy", AbortError: "busy", NotFoundError: "none", OverconstrainedError: "none" };

// What browsers call a kind of code → what zxing does
const KINDS = { qr_code: "QRCode", code_128: "Code128", code_39: "Code39", ean_13: "EAN13", ean_8: "EAN8", upc_a: "UPCA", itf: "ITF", data_matrix: "DataMatrix" };

/** Look until it is ended. `heard(text)` for each code, `says(sentence)` for each state; returns {end, torch}. */
export async function look(video, { scanner, zxing, wasm, heard, says, formats = ["qr_code"] }) {
  if (!navigator.mediaDevices) { says(SAYS.insecure); return null; }
  says(SAYS.asking);
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment", width: { ideal: 1280 } }, audio: false });
  } catch (error) {
    says(SAYS[WHY[error.name] ?? "denied"]);
    return null;
  }
  video.srcObject = stream;
  await video.play();
  says(SAYS.on);
  const reads = await reader(scanner, zxing, wasm, formats), canvas = new OffscreenCanvas(1, 1);
  let over = false;
  (async () => {
    while (!over) {
      const began = performance.now();
      // The loop never waits for what comes of a code, and no frame ends it.
      try { for (const text of await reads(video, canvas)) heard(text); } catch { /* the next frame is another try */ }
      await new Promise((resolve) => setTimeout(resolve, Math.max(20, EVERY - (performance.now() - began))));
    }
  })();
  const track = stream.getVideoTracks()[0];
  return {
    end() { over = true; stream.getTracks().forEach((one) => one.stop()); video.srcObject = null; },
    torch: track.getCapabilities?.().torch ? (on) => track.applyConstraints({ advanced: [{ torch: on }] }) : null,
  };
}

async function reader(scanner, zxing, wasm, formats) {
  const known = "BarcodeDetector" in globalThis ? await BarcodeDetector.getSupportedFormats() : [];
  if (formats.every((one) => known.includes(one))) {
    const detector = new BarcodeDetector({ formats });
    return async (video) => (await detector.detect(video)).map(({ rawValue }) => rawValue);
  }
  const worker = new Worker(scanner);
  worker.postMessage({ zxing, wasm, formats: formats.map((one) => KINDS[one]) });
  return async (video, canvas) => {
    const side = Math.min(video.videoWidth, video.videoHeight);
    if (!side) return [];
    [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.drawImage(video, 0, 0);
    const frame = context.getImageData(0, 0, canvas.width, canvas.height);
    return new Promise((resolve) => {
      worker.onmessage = ({ data }) => resolve(data);
      worker.postMessage({ frame }, [frame.data.buffer]);
    });
  };
}
