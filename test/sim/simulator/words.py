"""Words from which the items of a small Chinese manufacturer are made."""

# (class code, class name, nouns, units, materials, specifications, brands)
CLASSES = [
    ("01", "紧固件", "六角螺栓 内六角螺钉 平垫圈 弹簧垫圈 自锁螺母 膨胀螺栓 抽芯铆钉 十字盘头螺钉".split(),
     "个 盒 千克".split(), "304不锈钢 碳钢镀锌 合金钢 黄铜".split(), "M{a}×{b}"),
    ("0101", "高强度紧固件", "外六角螺栓 双头螺柱 法兰螺母".split(), "套 个".split(), "12.9级 10.9级 8.8级".split(), "M{a}×{b} GB/T 5783"),
    ("02", "轴承", "深沟球轴承 圆锥滚子轴承 推力球轴承 直线轴承".split(), "只 盒".split(), "GCr15 陶瓷 不锈钢".split(), "6{a}{b}-2RS"),
    ("03", "电气元件", "交流接触器 断路器 中间继电器 开关电源 接近开关 按钮开关 接线端子".split(),
     "只 台 包".split(), "银触点 阻燃 防水型".split(), "AC220V {a}A IP{b}"),
    ("0301", "线缆", "控制电缆 屏蔽电缆 电源线 网线".split(), "米 卷".split(), "无氧铜 镀锡铜 铝芯".split(), "RVVP {a}×{b}mm²"),
    ("04", "原材料", "钢板 铝型材 圆钢 角钢 不锈钢管 亚克力板".split(), "千克 吨 张".split(), "Q235B 6061-T6 45#钢 SUS316L".split(), "{a}×{b}×2000"),
    ("05", "包装材料", "五层瓦楞纸箱 缠绕膜 封箱胶带 珍珠棉 说明书 合格证".split(), "个 卷 张".split(), "加厚 环保 透明".split(), "{b}0*{b}0*{a}0mm"),
    ("06", "食品", "酱油 香醋 大米 花生油 绿茶 红枣 蜂蜜".split(), "瓶 袋 箱".split(), "有机 特级 头道 散装".split(), "{b}0ml×{a}"),
    ("07", "办公用品", "复印纸 中性笔 文件夹 硒鼓 订书机".split(), "支 包 盒".split(), "A4 彩色 标准".split(), "{a}0张/包"),
    ("08", "产成品", "减速机 输送线 控制柜 包装机 注塑件 机器人夹具".split(), "台 套".split(), "立式 卧式 定制".split(), "型号 ZK-{a}{b}"),
    ("09", "劳务", "运输费 安装调试费 加工费".split(), "次 小时".split(), "国内 省内".split(), ""),
]

BRANDS = [(1, "PP01", "正泰"), (2, "PP02", "施耐德"), (3, "PP03", "SKF"), (5, "PP04", "海天"), (8, "PP05", "得力"),
          (13, "PP06", "3M"), (21, "PP07", "O'Neill"), (34, "PP08", "自有品牌")]

UNIT_CODES = {name: "%02d" % (i + 1) for i, name in enumerate(
    "个 盒 千克 套 只 台 包 米 卷 吨 张 瓶 袋 箱 支 次 小时".split())}

VALUE_TYPES = [("01", "移动平均"), ("02", "全月平均"), ("03", "先进先出"), ("04", "个别计价")]

# Helps to spell the mnemonic code: the first letters of the nouns' pinyin
SHORTHAND = "BCDFGHJKLMNPQRSTWXYZ"

# Values at which careless code breaks; they stand in columns that are no key
ODD_NAMES = [
    "abc-Bolt", "ABC-BOLT", "Abc-bolt", "ＡＢＣ－ＢＯＬＴ", "abc-Bolt ", "abc-Bolt   ",
    "50%含量 酒精", "100%", "a_b", "axb", "A[1]", "A1", "[0-9]型", "^头", "]尾",
    '3/4" 管接头', "O'Neill 扳手", "路径 C:\\图纸\\v1", "制表\t符", "换\n行", "𠮷野家专用螺丝", "表情😀包装盒",
    "é́组合字符", "é́组合字符", "null", "NULL", "true", "0", "{\"a\":1}", "<b>&amp;</b>", "尾随斜杠\\",
    "'; DROP TABLE item; --", "$1", "\u200b零宽", "　全角空格　", "İstanbul", "straße", "STRASSE",
]

ODD_SPECS = ["", " ", "A_%[x]", "M8", "m8", "Ｍ８", "M8 ", " M8", "10%", "10", "\\", "\"", "∅20±0.05", "规格\r\n两行"]

ODD_NUMBERS = ["0", "-1.5", "0.000001", "-0.000001", "999999999999.999999", "123456789012345678.123456", "1", "100",
               "0.1", "1e3", "-0"]

LONG_TEXT = "此物料适用于自动化生产线,入库前须检验外观、尺寸及合格证;存放于干燥通风处,避免与酸碱接触。" * 10
