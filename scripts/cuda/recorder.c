/* A stand-in for the CUDA driver and the libraries above it, for machines without a card: it counts what is asked of them.
 *
 * Memory is the host's and copies are made, so that the program's own logic runs; kernels and products compute nothing. What
 * comes out of a model is therefore meaningless. What is checked is the way there: that every kernel asked for exists in the
 * module it is looked up in, and how many launches, copies and waits a piece of work takes.
 *
 * `scripts/cuda-launches` builds this and puts it in front of the real libraries. On exit every name and its count is written
 * to the file named by RECORDER_OUT, one pair a line; with RECORDER_TRACE set, each call also goes to standard error.
 * Functions that are linked but not written out here succeed and do nothing (`scripts/cuda-launches` adds them).
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ── What was asked ─────────────────────────────────────────────────────────────────────────────────────────────────── */

enum { NAMES = 4096, WIDTH = 512 };
static struct { char name[WIDTH]; long count; } seen[NAMES];
static int names;

static void note(const char *kind, const char *what) {
    char name[WIDTH];
    snprintf(name, sizeof name, "%s %s", kind, what);
    if (getenv("RECORDER_TRACE")) fprintf(stderr, "%s\n", name);
    int i = 0;
    while (i < names && strcmp(seen[i].name, name) != 0) i++;
    if (i == names && names < NAMES) strcpy(seen[names++].name, name);
    if (i < NAMES) seen[i].count++;
}

__attribute__((destructor)) static void report(void) {
    const char *path = getenv("RECORDER_OUT");
    FILE *out = path ? fopen(path, "w") : NULL;
    if (!out) return;
    for (int i = 0; i < names; i++) fprintf(out, "%ld\t%s\n", seen[i].count, seen[i].name);
    fclose(out);
}

/* ── Driver: device and context ─────────────────────────────────────────────────────────────────────────────────────── */

typedef int Result;
typedef uintptr_t Pointer;
static int here; /* the address of everything that is only handed around */

Result cuInit(unsigned flags) { (void)flags; return 0; }
Result cuDriverGetVersion(int *version) { *version = 13000; return 0; }
Result cuDeviceGetCount(int *count) { *count = 1; return 0; }
Result cuDeviceGet(int *device, int ordinal) { *device = ordinal; return ordinal == 0 ? 0 : 101; }
Result cuDevicePrimaryCtxRetain(void **context, int device) { (void)device; *context = &here; return 0; }
Result cuCtxGetCurrent(void **context) { *context = &here; return 0; }
Result cuMemGetInfo_v2(size_t *available, size_t *total) { *available = *total = (size_t)80 << 30; return 0; }

/* An H100: compute capability 9.0, 132 multiprocessors, 227 KiB of shared memory a block. */
static int attribute(int which) {
    switch (which) {
        case 10: return 32;
        case 16: return 132;
        case 75: return 9;
        case 76: return 0;
        case 97: return 227 << 10;
        default: return 1;
    }
}
Result cuDeviceGetAttribute(int *value, int which, int device) { (void)device; *value = attribute(which); return 0; }
Result cudaDeviceGetAttribute(int *value, int which, int device) { (void)device; *value = attribute(which); return 0; }
Result cudaGetDevice(int *device) { *device = 0; return 0; }
Result cuGetErrorName(Result error, const char **name) { (void)error; *name = "recorded"; return 0; }
Result cuGetErrorString(Result error, const char **text) { (void)error; *text = "the recorder refused a call"; return 0; }

/* ── Driver: streams and events ─────────────────────────────────────────────────────────────────────────────────────── */

Result cuStreamCreate(void **stream, unsigned flags) { (void)flags; *stream = &here; return 0; }
Result cuStreamIsCapturing(void *stream, int *status) { (void)stream; *status = 0; return 0; }
Result cuEventCreate(void **event, unsigned flags) { (void)flags; *event = &here; return 0; }
Result cuStreamSynchronize(void *stream) { (void)stream; note("wait", "cuStreamSynchronize"); return 0; }
Result cuEventSynchronize(void *event) { (void)event; note("wait", "cuEventSynchronize"); return 0; }
Result cuCtxSynchronize(void) { note("wait", "cuCtxSynchronize"); return 0; }

/* ── Driver: memory ─────────────────────────────────────────────────────────────────────────────────────────────────── */

static Result allocate(Pointer *pointer, size_t bytes) { *pointer = (Pointer)calloc(bytes ? bytes : 1, 1); return *pointer ? 0 : 2; }
Result cuMemAlloc_v2(Pointer *pointer, size_t bytes) { return allocate(pointer, bytes); }
Result cuMemAllocAsync(Pointer *pointer, size_t bytes, void *stream) { (void)stream; return allocate(pointer, bytes); }
Result cuMemFree_v2(Pointer pointer) { free((void *)pointer); return 0; }
Result cuMemFreeAsync(Pointer pointer, void *stream) { (void)stream; free((void *)pointer); return 0; }
Result cuMemHostAlloc(void **pointer, size_t bytes, unsigned flags) { (void)flags; *pointer = calloc(bytes ? bytes : 1, 1); return 0; }
Result cuMemFreeHost(void *pointer) { free(pointer); return 0; }

static Result copy(const char *way, void *to, const void *from, size_t bytes) { note("copy", way); memmove(to, from, bytes); return 0; }
Result cuMemcpyHtoDAsync_v2(Pointer to, const void *from, size_t n, void *s) { (void)s; return copy("host to device", (void *)to, from, n); }
Result cuMemcpyHtoD_v2(Pointer to, const void *from, size_t n) { return copy("host to device", (void *)to, from, n); }
Result cuMemcpyDtoHAsync_v2(void *to, Pointer from, size_t n, void *s) { (void)s; return copy("device to host", to, (void *)from, n); }
Result cuMemcpyDtoH_v2(void *to, Pointer from, size_t n) { return copy("device to host", to, (void *)from, n); }
Result cuMemcpyDtoDAsync_v2(Pointer to, Pointer from, size_t n, void *s) { (void)s; return copy("device to device", (void *)to, (void *)from, n); }
Result cuMemcpyDtoD_v2(Pointer to, Pointer from, size_t n) { return copy("device to device", (void *)to, (void *)from, n); }
Result cuMemsetD8Async(Pointer to, unsigned char value, size_t n, void *s) { (void)s; note("fill", "cuMemsetD8Async"); memset((void *)to, value, n); return 0; }
Result cuMemsetD8_v2(Pointer to, unsigned char value, size_t n) { note("fill", "cuMemsetD8"); memset((void *)to, value, n); return 0; }

/* ── Driver: modules of PTX and their kernels ───────────────────────────────────────────────────────────────────────── */

struct function { char *name; struct function *next; };
static struct function *functions;

Result cuModuleLoadData(void **module, const void *image) { *module = strdup(image); return *module ? 0 : 2; }
Result cuModuleUnload(void *module) { free(module); return 0; }

/* A name that the module lacks is refused, as the driver does. */
Result cuModuleGetFunction(void **function, void *module, const char *name) {
    char entry[WIDTH];
    snprintf(entry, sizeof entry, ".entry %s(", name);
    if (!strstr(module, entry)) {
        fprintf(stderr, "recorder: no kernel %s in its module\n", name);
        return 500;
    }
    struct function *found = functions;
    while (found && strcmp(found->name, name) != 0) found = found->next;
    if (!found) {
        found = malloc(sizeof *found);
        *found = (struct function){strdup(name), functions};
        functions = found;
    }
    *function = found;
    return 0;
}

/* A grid the hardware would refuse is refused here too. */
static Result grid(const char *name, unsigned x, unsigned y, unsigned z) {
    if (x && y && z && y <= 65535 && z <= 65535) return 0;
    fprintf(stderr, "recorder: %s was launched with a grid of %u×%u×%u\n", name, x, y, z);
    return 1;
}

Result cuLaunchKernel(struct function *f, unsigned x, unsigned y, unsigned z, unsigned bx, unsigned by, unsigned bz,
                      unsigned shared, void *stream, void **arguments, void **extra) {
    (void)bx, (void)by, (void)bz, (void)shared, (void)stream, (void)arguments, (void)extra;
    note("kernel", f->name);
    return grid(f->name, x, y, z);
}

/* ── Runtime: kernels compiled into the program ─────────────────────────────────────────────────────────────────────── */

struct dim3 { unsigned x, y, z; };
static struct { const void *host; const char *name; } registered[NAMES];
static int registrations;
static struct { struct dim3 grid, block; size_t shared; void *stream; } pushed;

void **__cudaRegisterFatBinary(void *binary) { (void)binary; static void *handle; return &handle; }
void __cudaRegisterFunction(void **handle, const void *host, char *device, const char *name, int limit, void *tid, void *bid,
                            void *block, void *grid_, int *warp) {
    (void)handle, (void)device, (void)limit, (void)tid, (void)bid, (void)block, (void)grid_, (void)warp;
    if (registrations == NAMES) return;
    registered[registrations].host = host;
    registered[registrations++].name = name;
}
unsigned __cudaPushCallConfiguration(struct dim3 g, struct dim3 b, size_t shared, void *stream) {
    pushed.grid = g, pushed.block = b, pushed.shared = shared, pushed.stream = stream;
    return 0;
}
Result __cudaPopCallConfiguration(struct dim3 *g, struct dim3 *b, size_t *shared, void *stream) {
    *g = pushed.grid, *b = pushed.block, *shared = pushed.shared, *(void **)stream = pushed.stream;
    return 0;
}
static const char *name_of(const void *host) {
    for (int i = 0; i < registrations; i++) if (registered[i].host == host) return registered[i].name;
    return "unregistered";
}
Result cudaLaunchKernel(const void *host, struct dim3 g, struct dim3 b, void **arguments, size_t shared, void *stream) {
    (void)b, (void)arguments, (void)shared, (void)stream;
    note("kernel", name_of(host));
    return grid(name_of(host), g.x, g.y, g.z);
}
Result __cudaGetKernel(const void **kernel, const void *host) { *kernel = host; return 0; }
Result __cudaLaunchKernel(const void *kernel, struct dim3 g, struct dim3 b, void **arguments, size_t shared, void *stream) {
    return cudaLaunchKernel(kernel, g, b, arguments, shared, stream);
}
Result cudaMallocAsync(void **pointer, size_t bytes, void *stream) { (void)stream; *pointer = calloc(bytes ? bytes : 1, 1); return 0; }
Result cudaFreeAsync(void *pointer, void *stream) { (void)stream; free(pointer); return 0; }
Result cudaMemsetAsync(void *to, int value, size_t n, void *stream) { (void)stream; note("fill", "cudaMemsetAsync"); memset(to, value, n); return 0; }
const char *cudaGetErrorString(Result error) { (void)error; return "the recorder refused a call"; }

/* ── cuBLAS and cuRAND ──────────────────────────────────────────────────────────────────────────────────────────────── */

Result cublasCreate_v2(void **handle) { *handle = &here; return 0; }
Result cublasGemmEx(void) { note("product", "cublasGemmEx"); return 0; }
Result cublasGemmStridedBatchedEx(void) { note("product", "cublasGemmStridedBatchedEx"); return 0; }
Result cublasSgemm_v2(void) { note("product", "cublasSgemm"); return 0; }
Result cublasSgemmStridedBatched(void) { note("product", "cublasSgemmStridedBatched"); return 0; }
Result cublasDgemmStridedBatched(void) { note("product", "cublasDgemmStridedBatched"); return 0; }
Result curandCreateGenerator(void **generator, int kind) { (void)kind; *generator = &here; return 0; }
