// @ts-check
/** A small file system of its own in memory, to be filled. */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';

/**
 * @param {number} megabytes
 * @returns {{ path: string, fill: () => void, drain: () => void, release: () => void } | null} null where nothing may be mounted
 */
export function smallDisk(megabytes) {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'amlaps-disk-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m,mode=0777`, 'amlaps-test', dir], { stdio: 'ignore' });
  } catch {
    fs.rmdirSync(dir);
    return null;
  }
  let mounted = true;
  const release = () => {
    if (!mounted) return;
    mounted = false;
    execFileSync('umount', ['-l', dir], { stdio: 'ignore' });
    fs.rmdirSync(dir);
  };
  process.on('exit', release);
  const ballast = path.join(dir, 'ballast');
  return { path: dir, release, fill: () => fill(ballast), drain: () => fs.rmSync(ballast) };
}

/**
 * A file system of its own that can be frozen, as one whose disk does not answer any more, or be read-only for whoever opens a file.
 * @returns {{ path: string, freeze: () => void, thaw: () => void, lock: () => void, unlock: () => void, release: () => void } | null} null where
 *   nothing may be mounted
 */
export function freezableDisk() {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'amlaps-disk-'));
  const image = path.join(dir, 'image');
  const place = path.join(dir, 'mount');
  fs.chmodSync(dir, 0o755);
  fs.mkdirSync(place);
  const run = (/** @type {string} */ command, /** @type {string[]} */ ...args) => execFileSync(command, args, { stdio: 'ignore' });
  try {
    fs.writeFileSync(image, '');
    fs.truncateSync(image, 32 << 20);
    run('mkfs.ext4', '-q', '-F', image);
    run('mount', '-o', 'loop', image, place);
  } catch {
    fs.rmSync(dir, { recursive: true });
    return null;
  }
  fs.chmodSync(place, 0o777);
  let frozen = false;
  let mounted = true;
  const thaw = () => {
    if (frozen) run('fsfreeze', '-u', place);
    frozen = false;
  };
  let locked = false;
  const lock = () => {
    run('mount', '--bind', place, place);
    locked = true;
    run('mount', '-o', 'remount,bind,ro', place);
  };
  const unlock = () => {
    if (locked) run('umount', '-l', place);
    locked = false;
  };
  const release = () => {
    if (!mounted) return;
    mounted = false;
    thaw();
    unlock();
    run('umount', '-l', place);
    fs.rmSync(dir, { recursive: true });
  };
  process.on('exit', release);
  return { path: place, release, lock, unlock, thaw, freeze: () => { frozen = true; run('fsfreeze', '-f', place); } };
}

/** Takes all but a few pages. @param {string} file */
function fill(file) {
  const fd = fs.openSync(file, 'w');
  try {
    for (;;) fs.writeSync(fd, Buffer.alloc(4096));
  } catch {
    // full
  } finally {
    fs.closeSync(fd);
  }
}
