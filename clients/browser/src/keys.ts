/** What keys of the storage begin with. Feedback is sorted before events, and the rest before both. */
export const USER = "0";
export const PAUSE = "00";
export const FEEDBACK = "1";
export const EVENT = "2";
