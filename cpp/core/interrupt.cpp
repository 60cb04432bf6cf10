#include "core/interrupt.hpp"

#include <atomic>
#include <chrono>

namespace coterie {
namespace {
std::atomic<InterruptPoll> installed_poll{nullptr};
}

void set_interrupt_poll(InterruptPoll poll) noexcept {
    installed_poll.store(poll);
}

bool interrupted() noexcept {
    using clock = std::chrono::steady_clock;
    thread_local clock::time_point next_poll{};
    const InterruptPoll poll = installed_poll.load(std::memory_order_relaxed);
    if (poll == nullptr) return false;
    const auto now = clock::now();
    if (now < next_poll) return false;
    next_poll = now + std::chrono::milliseconds(50);
    return poll();
}

void check_interrupt() {
    if (interrupted()) throw Interrupted{};
}

}  // namespace coterie
