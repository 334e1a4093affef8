/* The library stays when its host lets go of it: its threads outlive a session, and must keep their code.
 * Arguments: the library's path, a folder for the store. */
#include "harness.h"

#include <dlfcn.h>

typedef int32_t (*open_function)(const uint8_t *, size_t, uint64_t *, gwb_buffer *);
typedef int32_t (*handle_function)(uint64_t, gwb_buffer *);

int main(int count, char **arguments)
{
    char options[1024];
    uint64_t session = 0;
    void *library;
    open_function open_session;
    handle_function close_session;
    if (count != 3) {
        fprintf(stderr, "usage: unload_test LIBRARY STORE_FOLDER\n");
        return 2;
    }
    snprintf(options, sizeof options, "{\"storeDirectory\":\"%s\"}", arguments[2]);
    library = dlopen(arguments[1], RTLD_NOW | RTLD_LOCAL);
    CHECK(library != NULL);
    if (library == NULL)
        return harness_end("unload_test");
    /* The way around that POSIX gives for functions. */
    *(void **)(&open_session) = dlsym(library, "gwb_open");
    *(void **)(&close_session) = dlsym(library, "gwb_close");
    CHECK(open_session(bytes_of(options), strlen(options), &session, NULL) == GWB_OK);
    CHECK(dlclose(library) == 0);
    CHECK(dlopen(arguments[1], RTLD_NOW | RTLD_NOLOAD) != NULL);
    CHECK(close_session(session, NULL) == GWB_OK);
    return harness_end("unload_test");
}
