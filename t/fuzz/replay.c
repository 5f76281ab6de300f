/*
 * Runs a fuzz target on files: those named, or else its corpus in t/fuzz/corpus/TARGET. TAP on
 * standard output; what a file does wrong ends the program, after a line that names the file.
 */

#include "config.h"

#include "fuzz.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PROGRAM_PREFIX "fuzz_"

static char current_path[4096];

static void on_death(int number)
{
    static const char before[] = "# this file did it: ";
    ssize_t ignored = write(STDERR_FILENO, before, sizeof(before) - 1);
    ignored = write(STDERR_FILENO, current_path, strlen(current_path));
    ignored = write(STDERR_FILENO, "\n", 1);
    (void)ignored;
    signal(number, SIG_DFL);
    raise(number);
}

static void die(const char *what)
{
    fprintf(stderr, "replay: ");
    perror(what);
    exit(1);
}

/* In a block of its very size, so that a sanitizer sees every step beyond it. */
static void run_file(const char *path)
{
    snprintf(current_path, sizeof(current_path), "%s", path);
    FILE *file = fopen(path, "rb");
    if (file == NULL || fseek(file, 0, SEEK_END) != 0)
        die(path);
    size_t size = (size_t)ftell(file);
    rewind(file);
    uint8_t *data = malloc(size == 0 ? 1 : size);
    if (data == NULL || fread(data, 1, size, file) != size)
        die(path);
    fclose(file);
    LLVMFuzzerTestOneInput(data, size);
    free(data);
}

static int is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static void replay_corpus(const char *target)
{
    const char *top = getenv("top_srcdir");
    char directory[2048];
    char path[sizeof(current_path)];
    struct dirent **entries;
    snprintf(directory, sizeof(directory), "%s/t/fuzz/corpus/%s", top == NULL ? "." : top, target);
    int count = scandir(directory, &entries, is_visible, alphasort);
    if (count < 0)
        die(directory);
    printf("1..%d\n", count);
    for (int i = 0; i < count; i++) {
        snprintf(path, sizeof(path), "%s/%s", directory, entries[i]->d_name);
        run_file(path);
        printf("ok %d - %s\n", i + 1, entries[i]->d_name);
        fflush(stdout);
        free(entries[i]);
    }
    free(entries);
}

int main(int argument_count, char *arguments[])
{
    const char *name = strrchr(arguments[0], '/');
    name = name == NULL ? arguments[0] : name + 1;
    if (strncmp(name, PROGRAM_PREFIX, strlen(PROGRAM_PREFIX)) == 0)
        name += strlen(PROGRAM_PREFIX);
    signal(SIGABRT, on_death);
    signal(SIGSEGV, on_death);
    signal(SIGBUS, on_death);
    for (int i = 1; i < argument_count; i++)
        run_file(arguments[i]);
    if (argument_count == 1)
        replay_corpus(name);
    return 0;
}
