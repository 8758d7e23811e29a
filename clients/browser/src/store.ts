/** A synchronous storage that never throws on writing: what does not fit stays in memory. */
export function createStore(storage: Storage | undefined, prefix: string) {
  const memory = new Map<string, string>();
  const remove_ = (key: string) => {
    memory.delete(key);
    storage?.removeItem(prefix + key);
  };

  return {
    read_: (key: string): string | null => memory.get(key) ?? storage?.getItem(prefix + key) ?? null,
    remove_,
    /** Return whether it will be there on the next visit. */
    write_(key: string, text: string, fits = true): boolean {
      remove_(key);
      try {
        if (fits) storage!.setItem(prefix + key, text);
      } catch {
        fits = false;
      }
      if (!fits) memory.set(key, text);
      return fits;
    },
    keys_(): string[] {
      const keys = [...memory.keys()];
      for (let i = 0; i < (storage?.length ?? 0); i++) {
        const key = storage!.key(i)!;
        if (key.startsWith(prefix)) keys.push(key.slice(prefix.length));
      }
      return keys.sort();
    },
  };
}

export type Store = ReturnType<typeof createStore>;
