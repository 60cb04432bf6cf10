// The terms of a batch from its words: numbers, n-grams, counts.
#include <limits>

#include "core/check.hpp"
#include "cuda/algorithms.hpp"
#include "text/device_batch.hpp"

namespace coterie::text {

using cuda::DeviceArray;

// Returns false where different words have the same hash.
bool DeviceTermCounter::number_tokens(OnDevice& there, Runs& terms) {
    const index_t n = there.n_tokens;
    DeviceArray<std::uint32_t> is_first(*device_, n, "runs of words");
    DeviceArray<std::uint32_t> collides(*device_, 1, "a flag");
    collides.fill_bytes(0);
    cuda::sort_pairs(*device_, there.hashes, there.order, n, 64);
    kernels_.mark_runs(*device_,
                       {there.hashes.data(), n, is_first.data(), there.order.data(), there.tokens.data(),
                        there.lower.data(), collides.data()},
                       grid(n));
    if (collides.to_host()[0] != 0) return false;
    terms = number_runs(there.hashes, there.order, is_first, n, n);
    return true;
}

DeviceTermCounter::Runs DeviceTermCounter::number_runs(const DeviceArray<std::uint64_t>& keys,
                                                       const DeviceArray<std::uint32_t>& order,
                                                       const DeviceArray<std::uint32_t>& is_first, index_t n,
                                                       index_t n_places) {
    DeviceArray<std::int64_t> before(*device_, n + 1, "runs of terms");
    cuda::running_sum(*device_, is_first.data(), before.data(), n);
    Runs runs;
    runs.n = last_of(*device_, before);
    runs.n_found = n;
    runs.number = DeviceArray<std::uint32_t>(*device_, n_places, "the numbers of terms");
    runs.place = DeviceArray<std::uint32_t>(*device_, runs.n, "the places of terms");
    runs.key = DeviceArray<std::uint64_t>(*device_, runs.n, "the keys of terms");
    kernels_.number_terms(
        *device_,
        {keys.data(), before.data(), order.data(), n, runs.number.data(), runs.place.data(), runs.key.data()},
        grid(n));
    return runs;
}

TermList DeviceTermCounter::texts_of_terms(const OnDevice& there, const Runs& terms) {
    DeviceArray<std::uint32_t> lengths(*device_, terms.n, "lengths of terms");
    DeviceArray<std::int64_t> offsets(*device_, terms.n + 1, "places of terms");
    device::GatherTerms program{there.tokens.data(),
                                terms.place.data(),
                                there.lower.data(),
                                terms.n,
                                lengths.data(),
                                nullptr,
                                nullptr};
    kernels_.gather_terms(*device_, program, grid(terms.n));
    cuda::running_sum(*device_, lengths.data(), offsets.data(), terms.n);
    DeviceArray<std::uint8_t> bytes(*device_, last_of(*device_, offsets), "the terms");
    program.offsets = offsets.data();
    program.out = bytes.data();
    kernels_.gather_terms(*device_, program, grid(terms.n));
    const std::vector<std::uint8_t> text = bytes.to_host();
    TermList list;
    list.bytes.assign(text.begin(), text.end());
    list.offsets = offsets.to_host();
    return list;
}

DeviceTermCounter::Words DeviceTermCounter::words_of(const OnDevice& there, const Runs& terms,
                                                     const std::vector<TermId>& ids) {
    const index_t n = there.n_tokens;
    std::vector<std::uint8_t> is_stop;
    for (const TermId id : ids) is_stop.push_back(id < counter_.n_stop_words());
    const DeviceArray<std::uint8_t> stops = on_device(*device_, is_stop, "the stop words");
    DeviceArray<std::uint32_t> kept(*device_, n, "the words that count");
    DeviceArray<std::int64_t> before(*device_, n + 1, "the words that count");
    device::KeepWords program{};
    program.tokens = there.tokens.data();
    program.number = terms.number.data();
    program.n = n;
    program.is_stop = stops.data();
    program.kept = kept.data();
    kernels_.keep_words(*device_, program, grid(n));
    cuda::running_sum(*device_, kept.data(), before.data(), n);
    Words words;
    words.n = last_of(*device_, before);
    words.word = DeviceArray<std::uint32_t>(*device_, words.n, "the words that count");
    words.document = DeviceArray<std::int32_t>(*device_, words.n, "the documents of words");
    program.before = before.data();
    program.word = words.word.data();
    program.document = words.document.data();
    kernels_.keep_words(*device_, program, grid(n));
    return words;
}

DeviceTermCounter::Runs DeviceTermCounter::number_grams(const Words& words, const Runs& prefixes,
                                                        int length) {
    DeviceArray<std::uint32_t> exists(*device_, words.n, "the n-grams");
    DeviceArray<std::int64_t> before(*device_, words.n + 1, "the n-grams");
    device::GramKeys program{};
    // Words are numbered as they were found; without the stop words they are in `word`.
    program.prefix = length == 2 ? words.word.data() : prefixes.number.data();
    program.word = words.word.data();
    program.document = words.document.data();
    program.n = words.n;
    program.length = length;
    program.exists = exists.data();
    kernels_.gram_keys(*device_, program, grid(words.n));
    cuda::running_sum(*device_, exists.data(), before.data(), words.n);
    const index_t n = last_of(*device_, before);
    DeviceArray<std::uint64_t> keys(*device_, n, "the keys of n-grams");
    DeviceArray<std::uint32_t> order(*device_, n, "the order of n-grams");
    program.before = before.data();
    program.keys = keys.data();
    program.order = order.data();
    kernels_.gram_keys(*device_, program, grid(words.n));
    cuda::sort_pairs(*device_, keys, order, n, 32 + bits_for(prefixes.n));
    kernels_.mark_runs(*device_, {keys.data(), n, exists.data(), nullptr, nullptr, nullptr, nullptr},
                       grid(n));
    Runs grams = number_runs(keys, order, exists, n, words.n);
    grams.before = std::move(before);
    return grams;
}

void DeviceTermCounter::add_pairs(const Words& words, const Runs& terms, const std::vector<TermId>& ids,
                                  Pairs& pairs) {
    require(pairs.ids.size() + ids.size() <= std::numeric_limits<std::uint32_t>::max(), "text",
            "a batch has more than 2**32 - 1 terms; device='cpu' has no such limit");
    const bool are_words = terms.before.size() == 0;
    kernels_.pair_terms(
        *device_,
        {are_words ? words.word.data() : terms.number.data(), words.document.data(),
         are_words ? nullptr : terms.before.data(), words.n, pairs.ids.size(), pairs.pairs.data() + pairs.n},
        grid(words.n));
    pairs.n += are_words ? words.n : terms.n_found;
    pairs.ids.insert(pairs.ids.end(), ids.begin(), ids.end());
}

void DeviceTermCounter::count_pairs(Pairs& pairs, CountedBatch& batch) {
    const index_t n = pairs.n, n_terms = static_cast<index_t>(pairs.ids.size());
    DeviceArray<std::uint32_t> is_first(*device_, n, "runs of terms");
    DeviceArray<std::int64_t> before(*device_, n + 1, "runs of terms");
    cuda::sort_keys(*device_, pairs.pairs, n, 32 + bits_for(batch.n_documents));
    kernels_.mark_runs(*device_, {pairs.pairs.data(), n, is_first.data(), nullptr, nullptr, nullptr, nullptr},
                       grid(n));
    cuda::running_sum(*device_, is_first.data(), before.data(), n);
    const index_t n_entries = last_of(*device_, before);
    DeviceArray<std::int64_t> run_begin(*device_, n_entries + 1, "runs of terms of a document");
    kernels_.run_begins(*device_, {before.data(), n, run_begin.data()}, grid(n));
    DeviceArray<std::uint64_t> entries(*device_, n_entries, "the entries");
    DeviceArray<std::uint32_t> counts(*device_, n_entries, "the entries");
    DeviceArray<std::int64_t> df(*device_, n_terms, "the frequencies");
    DeviceArray<std::int64_t> tf(*device_, n_terms, "the frequencies");
    df.fill_bytes(0);
    tf.fill_bytes(0);
    kernels_.count_entries(*device_,
                           {pairs.pairs.data(), run_begin.data(), n_entries, entries.data(), counts.data(),
                            df.data(), tf.data()},
                           grid(n_entries));
    counter_.add_counted(pairs.ids, df.to_host(), tf.to_host(), 0);
    if (!counter_.keeps_rows()) return;
    // Documents that the host normalised have terms of their own behind those of the others.
    const std::uint64_t first_term = batch.ids.size();
    require(first_term + pairs.ids.size() <= std::numeric_limits<std::uint32_t>::max(), "text",
            "a batch has more than 2**32 - 1 terms; device='cpu' has no such limit");
    std::vector<std::uint64_t> found = entries.to_host();
    const std::vector<std::uint32_t> found_counts = counts.to_host();
    if (first_term == 0) {
        batch.entries.swap(found);
    } else {
        for (const std::uint64_t entry : found) batch.entries.push_back(entry + first_term);
    }
    batch.counts.insert(batch.counts.end(), found_counts.begin(), found_counts.end());
    batch.ids.insert(batch.ids.end(), pairs.ids.begin(), pairs.ids.end());
}

}  // namespace coterie::text
