/* SPDX-License-Identifier: MPL-2.0
 *
 * Runs a fuzz target over the files of a corpus folder, without libFuzzer: so every compiler and
 * every build replays what a fuzzer once found. Fails when there is nothing to replay.
 *
 * usage: NAME_replay FOLDER
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay(const char *path)
{
    FILE *file = fopen(path, "rb");
    struct stat status;

    if (!file || fstat(fileno(file), &status) != 0) {
        perror(path);
        return -1;
    }
    size_t size = (size_t)status.st_size;
    uint8_t *data = malloc(size > 0 ? size : 1); /* exact: a sanitizer sees any byte beyond */
    if (!data || fread(data, 1, size, file) != size) {
        perror(path);
        return -1;
    }
    (void)LLVMFuzzerTestOneInput(data, size);
    free(data);
    return fclose(file);
}

int main(int argc, char **argv)
{
    DIR *folder = argc == 2 ? opendir(argv[1]) : NULL;
    unsigned files = 0;

    if (!folder) {
        (void)fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
        return 2;
    }
    for (const struct dirent *entry; (entry = readdir(folder));) {
        char path[4096];
        if (entry->d_name[0] == '.')
            continue;
        int length = snprintf(path, sizeof(path), "%s/%s", argv[1], entry->d_name);
        if (length < 0 || (size_t)length >= sizeof(path) || replay(path) != 0)
            return 1;
        files++;
    }
    (void)closedir(folder);
    (void)printf("%u files replayed\n", files);
    return files > 0 ? 0 : 1;
}
