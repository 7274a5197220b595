// Compresses a file as one text, as small as it gets: node compress.mjs FILE OUT. The extension does the reverse.
import { readFile, writeFile } from "node:fs/promises";
import { brotliCompressSync, constants } from "node:zlib";

const [file, out] = process.argv.slice(2);
const data = await readFile(file);
const params = {
  [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
  [constants.BROTLI_PARAM_LGWIN]: constants.BROTLI_MAX_WINDOW_BITS,
  [constants.BROTLI_PARAM_MODE]: constants.BROTLI_MODE_TEXT,
  [constants.BROTLI_PARAM_SIZE_HINT]: data.length,
};
await writeFile(out, brotliCompressSync(data, { params }));
