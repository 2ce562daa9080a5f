// @ts-check
/**
 * Node ends at these signals without its exit handlers, which stop and remove what a test has started. Where a program minds a signal itself,
 * it is left to it.
 */
import process from 'node:process';

for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) {
  process.on(signal, () => {
    if (process.listenerCount(signal) === 1) process.exit(1);
  });
}
