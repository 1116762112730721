#include <eddy.h>
#include <stdio.h>

eddy_async(amain)
{
    eddy_try(eddy_sleep(0.01));
    puts("hello");
    return 0;
}

int main(void)
{
    return eddy_main(amain());
}
