declare global {
  interface Navigator {
    readonly globalPrivacyControl?: boolean;
  }
}

/** Return whether the browser asks not to be tracked, by Global Privacy Control or Do Not Track. */
export const asksForPrivacy = () =>
  ((globalThis.navigator?.globalPrivacyControl || globalThis.navigator?.doNotTrack) as unknown) == 1;
