/** Makes a thing at the first call and hands the same one out after; what failed is made anew by the next call. */
export function lazy<T>(make: () => Promise<T>): () => Promise<T> {
  let making: Promise<T> | undefined;
  return () => {
    if (making === undefined) {
      making = make();
      making.catch(() => {
        making = undefined;
      });
    }
    return making;
  };
}
