// what-libc-allocates-comes-from-here-too - and goes back by the program's own free.
#include <dirent.h>
#include <locale.h>
#include <netdb.h>
#include <regex.h>
#include <search.h>
#include <wchar.h>

#include "../expect.h"

static int by_number(const void* a, const void* b) { return *(const int*)a - *(const int*)b; }

int main(void) {
  for (int round = 0; round < 50; ++round) {
    char* text = strdup("strdup");
    expect(strcmp(text, "strdup") == 0 && malloc_usable_size(text) >= 7);
    free(text);
    free(strndup("strndup", 4));
    free(wcsdup(L"wcsdup"));
    expect(asprintf(&text, "%*d", 5000, round) == 5000);
    expect((text = realloc(text, 100000)));
    free(text);
    expect((text = getcwd(NULL, 0)));
    free(text);
    expect((text = realpath("/proc/self/exe", NULL)));
    free(text);

    size_t size = 0;
    FILE* const stream = open_memstream(&text, &size);
    for (int i = 0; i < 3000; ++i) fprintf(stream, "%d\n", i);
    expect(fclose(stream) == 0 && size > 10000);
    FILE* const lines = fmemopen(text, size, "r");
    char* line = malloc(1);
    size_t room = 1, count = 0;
    while (getline(&line, &room, lines) > 0) ++count;
    expect(count == 3000);
    fclose(lines);
    free(line);
    free(text);

    struct dirent** names = NULL;
    const int found = scandir("/proc/self", &names, NULL, alphasort);
    expect(found > 10);
    for (int i = 0; i < found; ++i) free(names[i]);
    free(names);

    regex_t regex;
    expect(regcomp(&regex, "(a|b)*c.*[0-9]+", REG_EXTENDED) == 0);
    expect(regexec(&regex, "ababcxyz123", 0, NULL, 0) == 0);
    regfree(&regex);
    enum { kNumbers = 30000 };
    static int numbers[kNumbers];
    for (int i = 0; i < kNumbers; ++i) numbers[i] = i * 7919 % kNumbers;
    qsort(numbers, kNumbers, sizeof *numbers, by_number);
    for (int i = 1; i < kNumbers; ++i) expect(numbers[i - 1] <= numbers[i]);

    char variable[32];
    sprintf(variable, "OF_ROUND_%d", round);
    expect(setenv(variable, "value", 1) == 0 && unsetenv(variable) == 0);
    const locale_t locale = newlocale(LC_ALL_MASK, "C", NULL);
    if (locale) freelocale(locale);
    struct addrinfo* addresses = NULL;
    if (getaddrinfo("127.0.0.1", NULL, NULL, &addresses) == 0) freeaddrinfo(addresses);
    FILE* const process = popen("true", "r");
    expect(process && pclose(process) == 0);
    void* const self = dlopen(NULL, RTLD_LAZY);
    expect(self && dlclose(self) == 0);
  }
}
