// A visitor's photo: read, turned upright and made small at once, so that no large picture is ever held.
const SMALLEST = 200, LARGEST = 80 * 1024 * 1024, TWICE = 2;
export const PATIENCE = 1000; // milliseconds in which a canvas must give back what was drawn

/** What is wrong with a photo, in a sentence. */
export class PhotoRefused extends Error {}

/** A canvas of the photo that fills its slot twice over at most. Throws PhotoRefused. */
export async function read(file, slot) {
  if (file.size > LARGEST) throw new PhotoRefused(`This file has ${megabytes(file.size)} MB; photos of up to ${megabytes(LARGEST)} MB can be taken. Choose a smaller one.`);
  const picture = await opened(file).catch(() => null);
  if (!picture) throw new PhotoRefused(await isHeic(file)
    ? "This browser can’t open your phone’s HEIC photos. Take the photo here, or choose “Most compatible” in the camera’s settings."
    : "This isn’t a photo that the browser can open. Choose a JPEG, PNG or WebP picture.");
  const wide = picture.naturalWidth ?? picture.width, high = picture.naturalHeight ?? picture.height;
  if (Math.min(wide, high) < SMALLEST) throw new PhotoRefused(`This photo is ${wide} × ${high} pixels; it needs at least ${SMALLEST} × ${SMALLEST}. Choose a larger one.`);
  const [, , across, down] = slot.box;
  const less = Math.min(1, Math.max((across * TWICE) / wide, (down * TWICE) / high));
  const canvas = Object.assign(document.createElement("canvas"), { width: Math.round(wide * less), height: Math.round(high * less) });
  const pen = canvas.getContext("2d");
  pen.imageSmoothingQuality = "high";
  pen.drawImage(picture, 0, 0, canvas.width, canvas.height);
  picture.close?.();
  return canvas;
}

const megabytes = (bytes) => Math.ceil(bytes / 1024 / 1024);

async function opened(file) {
  try {
    return await createImageBitmap(file, { imageOrientation: "from-image" });
  } catch {
    return image(await dataAddress(file));
  }
}

export async function image(address) {
  const picture = new Image();
  picture.src = address;
  await picture.decode();
  return picture;
}

export const dataAddress = (file) => new Promise((resolve, reject) => {
  const reader = new FileReader();
  reader.onload = () => resolve(reader.result);
  reader.onerror = () => reject(reader.error);
  reader.readAsDataURL(file);
});

async function isHeic(file) {
  const begins = new TextDecoder("latin1").decode(await file.slice(0, 16).arrayBuffer());
  return begins.slice(4, 8) === "ftyp" && /hei|hev|mif1|msf1/.test(begins.slice(8, 12));
}

/** The file that a canvas makes; throws when it never comes. */
export const blobOf = (canvas, quality = 0.9, patience = 15 * PATIENCE) => new Promise((resolve, reject) => {
  const late = setTimeout(() => reject(new Error("the canvas gives nothing back")), patience);
  canvas.toBlob((blob) => {
    clearTimeout(late);
    if (blob) resolve(blob);
    else reject(new Error("the canvas gives nothing back"));
  }, "image/jpeg", quality);
});

/** Whether this browser gives back what was drawn: some return noise, some nothing, to keep from being recognised. */
export async function isTrue() {
  const colours = [[200, 30, 40], [20, 160, 60], [40, 60, 210], [235, 235, 235]];
  const canvas = Object.assign(document.createElement("canvas"), { width: 64, height: 64 });
  const drawn = (pen) => colours.every((colour, at) => {
    const got = pen.getImageData((at % 2) * 32 + 16, at > 1 ? 48 : 16, 1, 1).data;
    return colour.every((value, which) => Math.abs(value - got[which]) < 24);
  });
  try {
    const pen = canvas.getContext("2d");
    colours.forEach((colour, at) => {
      pen.fillStyle = `rgb(${colour})`;
      pen.fillRect((at % 2) * 32, at > 1 ? 32 : 0, 32, 32);
    });
    const picture = await opened(await blobOf(canvas, 0.9, PATIENCE));
    const other = Object.assign(document.createElement("canvas"), { width: 64, height: 64 }).getContext("2d");
    other.drawImage(picture, 0, 0);
    return drawn(pen) && drawn(other);
  } catch {
    return false;
  }
}
