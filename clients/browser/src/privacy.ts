/** Return whether the browser asks not to be tracked, by Global Privacy Control or Do Not Track. */
export function asksForPrivacy(): boolean | undefined {
  const { globalPrivacyControl, doNotTrack } = (globalThis.navigator ?? {}) as Navigator & {
    globalPrivacyControl?: boolean;
  };
  return globalPrivacyControl || doNotTrack === "1";
}
