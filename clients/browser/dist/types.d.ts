/** The public types of the client. Field names are those of the HTTP API. */
export type DropReason = "overflow" | "rejected" | "too-large";
export interface Feedback {
    message_id: string;
    /** Null withdraws an earlier rating. */
    rating: string | null;
    comment?: string;
    reasons?: string[];
}
export interface Event {
    event_type: string;
    details: object;
    event_id: string;
    occurred_at: string;
}
export interface Options {
    /** The function app, such as `https://up2d8.azurewebsites.net`. */
    endpoint: string;
    /** Default: `/api/feedback` and `/api/analytics`. */
    paths?: {
        feedback?: string;
        analytics?: string;
    };
    functionKey?: string;
    token?: () => string | null | Promise<string | null>;
    respectPrivacySignals?: boolean;
    storage?: Storage;
    onDrop?(reason: DropReason, item: Feedback | Event): void;
    onError?(error: unknown): void;
}
export interface Client {
    /** Store an event and send it soon. Returns its `event_id`. */
    track(type: string, details?: object): string;
    /** Store a rating and send it at once. Settles when the server acknowledged or refused it. */
    feedback(feedback: Feedback): Promise<void>;
    identify(userId: string | null): void;
    /** Send everything that is stored. */
    flush(): Promise<void>;
    close(): void;
    /** Number of stored items that are not acknowledged yet. */
    readonly pending: number;
}
