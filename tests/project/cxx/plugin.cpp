/* A library in C++ that a program in C, which has no C++ runtime, loads while its loop runs. */
#include <eddy.h>

#include <stdexcept>
#include <string>

extern "C" __attribute__((visibility("default"))) int nap_in_catch(void *which);

extern "C" int nap_in_catch(void *which)
{
    std::string mine = static_cast<const char *>(which);

    try {
        throw std::runtime_error(mine);
    } catch (const std::exception &) {
        eddy_try(eddy_sleep(mine == "long" ? 0.003 : 0.001));
        try {
            throw;
        } catch (const std::exception &e) {
            return mine == e.what() ? 0 : -EINVAL;
        }
    }
}
