/**
 * Waits for the work at most `ms`. The work itself goes on, and its later result is ignored.
 * @param otherwise what to answer, or to throw, when the time is over
 */
export async function atMost<T, O>(ms: number, work: Promise<T>, otherwise: () => O): Promise<T | O> {
  const { promise: over, resolve, reject } = Promise.withResolvers<O>();
  const timer = setTimeout(
    () => {
      try {
        resolve(otherwise());
      } catch (error) {
        reject(error);
      }
    },
    Math.max(ms, 0),
  );
  try {
    return await Promise.race([work, over]);
  } finally {
    clearTimeout(timer);
  }
}
