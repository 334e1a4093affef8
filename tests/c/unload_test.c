/* The library stays when its host lets go of it: its threads outlive a session, and must keep their code.
 * Not linked with the library. Argument: the library's path. */
#include "harness.h"

#include <dlfcn.h>

typedef uint32_t (*version_function)(void);

int main(int count, char **arguments)
{
    void *library;
    version_function version;
    if (count != 2) {
        fprintf(stderr, "usage: unload_test LIBRARY\n");
        return 2;
    }
    /* No session: threads of the library could keep it loaded by themselves, here and by chance. */
    library = dlopen(arguments[1], RTLD_NOW | RTLD_LOCAL);
    CHECK(library != NULL);
    if (library == NULL)
        return harness_end("unload_test");
    /* The way around that POSIX gives for functions. */
    *(void **)(&version) = dlsym(library, "gwb_abi_version");
    CHECK(version() == GWB_ABI_VERSION);
    CHECK(dlclose(library) == 0);
    CHECK(dlopen(arguments[1], RTLD_NOW | RTLD_NOLOAD) == library);
    CHECK(version() == GWB_ABI_VERSION);
    return harness_end("unload_test");
}
