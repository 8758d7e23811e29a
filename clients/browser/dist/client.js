function e(t){throw new Error("not built yet")}export{e as createClient};
