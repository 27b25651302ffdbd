"""A step of the critic and one of the generator of a conditional Wasserstein GAN with gradient penalty in torch: milliseconds of the two.

The networks are those of kind gan: 2 x 256, leaky ReLU in the critic; noise of 128, batch norm, ReLU and skips in the generator, Gumbel softmax at
temperature .3; batch 256, Adam. Rows are shaped as products.py's: 9 numbers, categories of 13, 3 and 15 levels, and a condition of 136 levels, whose
rows of weights are looked up (nn.Embedding), which is faster than one-hot inputs. The penalty is differentiated by autograd.
Usage: python gan_step.py [seconds]
"""
import json, sys, time, torch
from torch import nn
from torch.nn import functional as F

torch.set_num_threads(2); torch.manual_seed(0)
NUMBERS, BLOCKS, LEVELS, NOISE, HIDDEN, BATCH = 9, [13, 3, 15], 136, 128, 256, 256
WIDTH = NUMBERS + sum(BLOCKS)


class Critic(nn.Module):
    def __init__(s):
        super().__init__()
        s.condition, s.a, s.b, s.c = nn.Embedding(LEVELS, HIDDEN), nn.Linear(WIDTH, HIDDEN), nn.Linear(HIDDEN, HIDDEN), nn.Linear(HIDDEN, 1, bias=False)

    def forward(s, x, code):
        return s.c(F.leaky_relu(s.b(F.leaky_relu(s.a(x) + s.condition(code), .2)), .2))


class Generator(nn.Module):
    def __init__(s):
        super().__init__()
        s.layers = nn.ModuleList([nn.Linear(NOISE, HIDDEN, bias=False), nn.Linear(NOISE + HIDDEN, HIDDEN, bias=False)])
        s.norms = nn.ModuleList([nn.BatchNorm1d(HIDDEN), nn.BatchNorm1d(HIDDEN)])
        s.last = nn.Linear(NOISE + 2 * HIDDEN, WIDTH)
        s.conditions = nn.ModuleList([nn.Embedding(LEVELS, HIDDEN), nn.Embedding(LEVELS, HIDDEN), nn.Embedding(LEVELS, WIDTH)])

    def forward(s, z, code):
        seen = z
        for layer, norm, condition in zip(s.layers, s.norms, s.conditions):
            seen = torch.cat([seen, F.relu(norm(layer(seen) + condition(code)))], 1)
        numbers, *logits = (s.last(seen) + s.conditions[-1](code)).split([NUMBERS, *BLOCKS], 1)
        return torch.cat([numbers, *(F.gumbel_softmax(l, .3) for l in logits)], 1)


critic, generator = Critic(), Generator()
of_critic, of_generator = (torch.optim.Adam(m.parameters(), 4e-4, (.5, .9)) for m in (critic, generator))
rows, codes = 9341, torch.randint(0, LEVELS, (9341,))
real = torch.cat([torch.randn(rows, NUMBERS), *(F.one_hot(torch.randint(0, n, (rows,)), n).float() for n in BLOCKS)], 1)


def step():
    i = torch.randint(0, rows, (BATCH,)); x, code = real[i], codes[i]
    with torch.no_grad():
        y = generator(torch.randn(BATCH, NOISE), code)
    e = torch.rand(BATCH, 1); between = (e * x + (1 - e) * y).requires_grad_()
    g, = torch.autograd.grad(critic(between, code).sum(), between, create_graph=True)
    loss = critic(y, code).mean() - critic(x, code).mean() + 10 * ((g.norm(dim=1) - 1) ** 2).mean()
    of_critic.zero_grad(); loss.backward(); of_critic.step()
    code = codes[torch.randint(0, rows, (BATCH,))]
    loss = -critic(generator(torch.randn(BATCH, NOISE), code), code).mean()
    of_generator.zero_grad(); loss.backward(); of_generator.step()


for _ in range(30):
    step()
taken, end = [], time.time() + float(sys.argv[1] if len(sys.argv) > 1 else 10)
while time.time() < end:
    start = time.perf_counter()
    for _ in range(10):
        step()
    taken.append((time.perf_counter() - start) * 100)
print(json.dumps(dict(tool="torch", version=torch.__version__, ms=round(sorted(taken)[len(taken) // 2], 3), best=round(min(taken), 3))))
