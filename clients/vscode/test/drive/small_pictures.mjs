// Pictures for the page of the extension, which brings them: node small_pictures.mjs FROM TO NAME...
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openBrowser } from "./editor.mjs";

const WIDTH = 900;
const QUALITY = 0.3;

const [from, to, ...names] = process.argv.slice(2);
const profile = await mkdtemp(join(tmpdir(), "fanout-pictures-"));
const { context, page } = await openBrowser(profile);
await mkdir(to, { recursive: true });
for (const name of names) {
  const png = (await readFile(join(from, `${name}.png`))).toString("base64");
  const webp = await page.evaluate(shrink, { png, width: WIDTH, quality: QUALITY });
  await writeFile(join(to, `${name}.webp`), Buffer.from(webp, "base64"));
}
await context.close();
await rm(profile, { recursive: true });

/** In the browser. */
async function shrink({ png, width, quality }) {
  const image = new Image();
  image.src = `data:image/png;base64,${png}`;
  await image.decode();
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = Math.round((image.height * width) / image.width);
  const drawing = canvas.getContext("2d");
  drawing.imageSmoothingQuality = "high";
  drawing.drawImage(image, 0, 0, canvas.width, canvas.height);
  return canvas.toDataURL("image/webp", quality).split(",")[1];
}
