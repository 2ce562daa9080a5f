// @ts-check
/** A disk that freezes, fails or is full under the files of one httpd, by faulty-disk.c. */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { CHECKOUT } from './paths.mjs';

export class FaultyDisk {
  constructor() {
    this.dir = fs.mkdtempSync(path.join(os.tmpdir(), 'amlaps-faulty-'));
    fs.chmodSync(this.dir, 0o755);
    this.library = path.join(this.dir, 'faulty-disk.so');
    this.file = path.join(this.dir, 'fault');
    execFileSync('cc', ['-shared', '-fPIC', '-O1', '-o', this.library, path.join(CHECKOUT, 'tests/lib/faulty-disk.c'), '-ldl']);
    process.on('exit', () => this.discard());
    this.works();
  }

  /** For httpd: faults of files whose path holds this. @param {string} files */
  environment(files) {
    return { LD_PRELOAD: this.library, AMLAPS_DISK_FAULT: this.file, AMLAPS_DISK_FILES: files };
  }

  /** @param {'freeze' | 'sync' | 'EROFS' | 'ENOSPC' | 'EFBIG' | 'short'} fault */
  fails(fault) {
    this.set(fault);
  }

  works() {
    this.set('');
  }

  /** At once: nobody reads half a word. @param {string} text */
  set(text) {
    fs.writeFileSync(`${this.file}.new`, text, { mode: 0o644 });
    fs.renameSync(`${this.file}.new`, this.file);
  }

  discard() {
    fs.rmSync(this.dir, { recursive: true, force: true });
  }
}
