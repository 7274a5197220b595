const OLDEST = [3, 11] as const;

export interface PythonVersion {
  readonly major: number;
  readonly minor: number;
}

/** Of what `sys.version_info` prints as "3.12"; undefined for anything else. */
export function parseVersion(text: string): PythonVersion | undefined {
  const found = /^(\d+)\.(\d+)\b/.exec(text.trim());
  return found === null ? undefined : { major: Number(found[1]), minor: Number(found[2]) };
}

export function isNewEnough(version: PythonVersion): boolean {
  return version.major > OLDEST[0] || (version.major === OLDEST[0] && version.minor >= OLDEST[1]);
}
