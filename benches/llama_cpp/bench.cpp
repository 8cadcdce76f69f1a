// llama.cpp's side of benches/model.py: prompt and answer tokens per second of a GGUF, as JSON lines; and its quantiser.
//
//     c++ -O2 -std=c++17 -I LLAMA/include -I LLAMA/ggml/include benches/llama_cpp/bench.cpp -L BUILD/bin -lllama -lggml -lggml-base -o bench
//     bench quantise FROM.gguf TO.gguf q8_0|q4k
//     bench measure FILE.gguf --threads 2 --prefill 1100 --decode 8 --repeats 5
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "llama.h"

static double seconds() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

static void check(bool good, const char* what) {
    if (!good) {
        fprintf(stderr, "llama.cpp could not %s\n", what);
        exit(1);
    }
}

static int quantise(const char* from, const char* to, const char* format) {
    llama_model_quantize_params params = llama_model_quantize_default_params();
    // Every matrix in the same format, the output's too, as `--precision` keeps them.
    params.ftype = strcmp(format, "q4k") ? LLAMA_FTYPE_MOSTLY_Q8_0 : LLAMA_FTYPE_MOSTLY_Q4_K_S;
    params.pure = true;
    params.nthread = 2;
    check(llama_model_quantize(from, to, &params) == 0, "quantise");
    return 0;
}

// The median of what `work` says it took, after one round that does not count.
static double median(int repeats, const std::function<double()>& work) {
    work();
    std::vector<double> took;
    for (int i = 0; i < repeats; i++) took.push_back(work());
    std::sort(took.begin(), took.end());
    return took[took.size() / 2];
}

int main(int argc, char** argv) {
    llama_log_set([](ggml_log_level level, const char* text, void*) {
        if (level == GGML_LOG_LEVEL_ERROR) fputs(text, stderr);
    }, nullptr);
    llama_backend_init();
    if (argc == 5 && !strcmp(argv[1], "quantise")) return quantise(argv[2], argv[3], argv[4]);
    check(argc >= 3 && !strcmp(argv[1], "measure"), "understand its arguments");
    int threads = 2, prefill = 1100, decode = 8, repeats = 5;
    for (int i = 3; i + 1 < argc; i += 2) {
        const std::string name = argv[i];
        const int value = atoi(argv[i + 1]);
        if (name == "--threads") threads = value;
        if (name == "--prefill") prefill = value;
        if (name == "--decode") decode = value;
        if (name == "--repeats") repeats = value;
    }
    llama_model_params model_params = llama_model_default_params();
    llama_model* model = llama_model_load_from_file(argv[2], model_params);
    check(model, "load the file");
    llama_context_params params = llama_context_default_params();
    params.n_ctx = prefill + decode + 64;
    params.n_threads = params.n_threads_batch = threads;
    llama_context* context = llama_init_from_model(model, params);
    check(context, "make a context");
    const int vocabulary = llama_vocab_n_tokens(llama_model_get_vocab(model));
    std::vector<llama_token> prompt(prefill);
    for (int i = 0; i < prefill; i++) prompt[i] = i * 31 % vocabulary;

    const auto read = [&] {
        llama_memory_clear(llama_get_memory(context), true);
        const double begun = seconds();
        for (int at = 0; at < prefill; at += 512) {
            const int count = std::min(512, prefill - at);
            check(llama_decode(context, llama_batch_get_one(prompt.data() + at, count)) == 0, "read the prompt");
        }
        return seconds() - begun;
    };
    const auto write = [&] {
        read();
        const double begun = seconds();
        llama_token token = 1;
        for (int i = 0; i < decode; i++) check(llama_decode(context, llama_batch_get_one(&token, 1)) == 0, "write");
        return seconds() - begun;
    };
    printf("{\"what\": \"prefill tokens\", \"per_second\": %.3f}\n", prefill / median(repeats, read));
    printf("{\"what\": \"decode tokens\", \"per_second\": %.3f}\n", decode / median(repeats, write));
    return 0;
}
