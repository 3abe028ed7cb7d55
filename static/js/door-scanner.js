// A worker that reads codes out of frames. Its WebAssembly is our own file: by itself the library asks a CDN.
let ready, formats;

onmessage = async ({ data }) => {
  if (data.zxing) {
    formats = data.formats;
    importScripts(data.zxing);
    ready = fetch(data.wasm).then((answer) => answer.arrayBuffer()).then((wasmBinary) => ZXingWASM.prepareZXingModule({ overrides: { wasmBinary }, fireImmediately: true }));
    return;
  }
  try {
    await ready;
    const found = await ZXingWASM.readBarcodes(data.frame, { formats, maxNumberOfSymbols: 1, tryHarder: false });
    postMessage(found.map(({ text }) => text));
  } catch { postMessage([]); }
};
