/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Gives every file of the folders on the command line to the program's parser, as `make check` does without libFuzzer. */
#include "fuzz.h"

#include <dirent.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

const char *__asan_default_options(void);

static char path[4096];

/* A sanitizer that finds something ends the program as a broken promise does. */
const char *__asan_default_options(void)
{
    return "abort_on_error=1";
}

static void name_input(int number)
{
    static const char words[] = "\nthe input was ";

    if (write(2, words, sizeof words - 1) < 0 || write(2, path, strlen(path)) < 0 || write(2, "\n", 1) < 0) {
        number = SIGKILL;
    }
    signal(number, SIG_DFL);
    raise(number);
}

static void run_file(void)
{
    FILE *file = fopen(path, "rb");
    struct stat info;

    fuzz_check(file && fstat(fileno(file), &info) == 0);
    /* exactly as large as the file, so that a sanitizer sees a step beyond its end */
    uint8_t *bytes = malloc(info.st_size ? (size_t)info.st_size : 1);
    fuzz_check(bytes && fread(bytes, 1, (size_t)info.st_size, file) == (size_t)info.st_size);
    fclose(file);
    LLVMFuzzerTestOneInput(bytes, (size_t)info.st_size);
    free(bytes);
}

static int run_folder(const char *folder)
{
    DIR *entries = opendir(folder);
    int count = 0;

    for (struct dirent *entry = entries ? readdir(entries) : NULL; entry; entry = readdir(entries)) {
        if (entry->d_name[0] == '.') {
            continue;
        }
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        run_file();
        count++;
    }
    if (entries) {
        closedir(entries);
    }
    return count;
}

int main(int count, char **folders)
{
    int files = 0;

    signal(SIGABRT, name_input);
    signal(SIGSEGV, name_input);
    for (int i = 1; i < count; i++) {
        const int found = run_folder(folders[i]);
        if (found == 0) {
            fprintf(stderr, "%s: no input there\n", folders[i]);
            return 1;
        }
        files += found;
    }
    LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
    printf("ok: %s: %d inputs\n", folders[0], files);
    return files > 0 ? 0 : 1;
}
