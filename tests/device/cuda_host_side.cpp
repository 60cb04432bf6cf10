// What cpp/cuda does on the host, against a runtime that puts everything off: prints "what: outcome" for each case.
#include <cstdio>
#include <cstring>
#include <numeric>
#include <stdexcept>

#include "cuda/device.hpp"
#include "fake_cuda.hpp"

using namespace coterie;
using namespace coterie::cuda;

namespace {

template <typename Op>
void refused(const char* what, const FakeMachine& machine, const Op& op) {
    fake = machine;
    try {
        op();
        std::printf("%s: not refused\n", what);
    } catch (const DeviceError& error) {
        std::printf("%s: %s\n", what, error.what());
    }
    if (fake_n_owned() != 0 || fake_current_device() != 0) std::printf("%s: something is left\n", what);
}

void outcome(const char* what, bool is_right) {
    std::printf("%s: %s\n", what, is_right ? "right" : "wrong");
}

std::vector<int> counted(std::size_t n, int from) {
    std::vector<int> values(n);
    std::iota(values.begin(), values.end(), from);
    return values;
}

// Rows that lie apart pass through the pinned blocks, several times over; the host's memory is changed at once.
void uploads(Device& device) {
    const std::size_t n_rows = 300'001, n_columns = 30, stride = 40;
    std::vector<int> rows = counted(n_rows * stride, 0);
    DeviceArray<int> there(device, static_cast<index_t>(n_rows * n_columns), "the rows");
    device.upload_rows(there.data(), rows.data(), n_rows, n_columns * sizeof(int), stride * sizeof(int));
    std::fill(rows.begin(), rows.end(), -1);
    const std::vector<int> found = there.to_host();
    bool is_right = true;
    for (std::size_t i = 0; i < found.size(); ++i)
        is_right = is_right && found[i] == static_cast<int>(i / n_columns * stride + i % n_columns);
    outcome("strided upload", is_right);
}

// The queue waits for what was sent; what was posted is what was there then.
void feeds(Device& device) {
    const auto feed = device.make_feed();
    const auto mailbox = device.make_mailbox(2 * Mailbox::size_of(8 * sizeof(int)));
    DeviceArray<int> a(device, 8, "a"), b(device, 8, "b");
    bool is_right = true;
    for (int turn = 0; turn < 5; ++turn) {
        std::vector<int> values = counted(8, 100 * turn);
        feed->send(a.data(), values.data(), a.bytes());
        std::fill(values.begin(), values.end(), -1);
        feed->arrive();
        device.copy(b.data(), a.data(), a.bytes());
        mailbox->post(b.data(), b.bytes());
        b.fill_bytes(0);
        mailbox->post(b.data(), b.bytes());
        int first[8], second[8];
        const char* const results = mailbox->collect();
        std::memcpy(first, results, sizeof first);
        std::memcpy(second, results + Mailbox::size_of(sizeof first), sizeof second);
        for (int i = 0; i < 8; ++i) is_right = is_right && first[i] == 100 * turn + i && second[i] == 0;
    }
    outcome("feed and mailbox", is_right);
    try {
        for (int turn = 0; turn < 3; ++turn) mailbox->post(b.data(), b.bytes());
        outcome("full mailbox", false);
    } catch (const DeviceError&) {
        outcome("full mailbox", true);
    }
}

// A recording does nothing until it is replayed, and does the same each time.
void recordings(Device& device) {
    DeviceArray<int> from(device, 4, "from"), to(device, 4, "to");
    to.fill_bytes(0);
    const auto recording = device.record([&] { device.copy(to.data(), from.data(), to.bytes()); });
    bool is_right = to.to_host() == std::vector<int>(4, 0);
    for (int turn = 0; turn < 3; ++turn) {
        const std::vector<int> values = counted(4, turn);
        from.upload(values.data());
        recording->replay();
        is_right = is_right && to.to_host() == values;
    }
    outcome("recording", is_right);
    device.record([&] { to.fill_bytes(1); })->replay();
    outcome("recording that is given up", fake.n_destroyed_early == 0);
    try {
        device.record([] { throw std::logic_error("no"); });
        outcome("recording that fails", false);
    } catch (const std::logic_error&) {
        to.fill_bytes(1);
        outcome("recording that fails", to.to_host() == std::vector<int>(4, 0x01010101));
    }
}

}  // namespace

int main() {
    const auto open = [] { open_device("cuda"); };
    refused("no driver", {.driver = 0, .n_devices = 0, .count_error = 35}, open);
    refused("old driver", {.driver = 11040, .n_devices = 0, .count_error = 35}, open);
    refused("no device", {.n_devices = 0, .count_error = 100}, open);
    refused("third of two", {.n_devices = 2}, [] { open_device("cuda:2"); });
    refused("old device", {.n_devices = 2, .old_device = 1}, [] { open_device("cuda:1"); });
    refused("only old devices", {.old_device = 0}, open);
    refused("busy", {.n_devices = 2, .busy_device = 1}, [] { open_device("cuda:1"); });
    refused("full", {.full_device = 0}, open);
    refused("fabric manager", {.n_devices = 0, .count_error = 802}, open);
    refused("updated driver", {.n_devices = 0, .count_error = 803}, open);
    refused("forked", {.n_devices = 0, .count_error = 3}, open);
    refused("memory", {}, [] {
        const auto device = open_device("cuda");
        DeviceArray<float>(*device, index_t{1} << 29, "the rows");
    });
    refused("pinned memory", {.n_pinned_left = 1}, [] { open_device("cuda")->make_feed(); });

    fake = {.n_devices = 2};
    {
        const auto device = open_device("cuda:1");
        std::printf("second of two: %d %s\n", device->index(), device->name().c_str());
        uploads(*device);
        feeds(*device);
        recordings(*device);
        outcome("current device", fake_current_device() == 0);
    }
    outcome("nothing left", fake_n_owned() == 0);
    return 0;
}
